// A domain that was reverted for one run: commands, bytes in and out, evidence, and its end.
import type { Ending, RunId } from '../../model/run.ts'
import type { Clone, Command, RunOptions } from '../../ports/farm.ts'
import { within } from '../deadline.ts'
import { execByAgent } from '../guest/by-agent/exec.ts'
import { transfersByAgent } from '../guest/by-agent/transfer.ts'
import type { LibvirtGuest } from './guest.ts'
import type { TemplateRecord } from './records.ts'

type Ran = { name: string; script: string; folder: string; startedAt: string; tookMs: number; ending: Ending }

const evidenceMs = 30_000

/** `released` is called once, when it was tried to power the domain off: with the Fault if that failed. */
export const openLibvirtClone = (
  guest: LibvirtGuest,
  facts: { run: RunId; template: TemplateRecord },
  released: (failed: unknown) => Promise<void>,
): Clone => {
  const { write, read } = transfersByAgent(guest)
  const ran: Ran[] = []
  let release: Promise<void> | undefined
  let kept: Record<string, Buffer> | undefined

  const run = async (command: Command, options?: RunOptions): Promise<Ending> => {
    const startedAt = new Date().toISOString()
    const started = performance.now()
    const ending = release ? { kind: 'cancelled' as const } : await execByAgent(guest, command, options)
    const { name, script, folder } = command
    ran.push({ name, script, folder, startedAt, tookMs: Math.round(performance.now() - started), ending })
    return release ? { kind: 'cancelled' } : ending
  }

  const collect = async (): Promise<Record<string, Buffer>> => {
    const picture = await within(guest.domain.screenshot(), evidenceMs, 'a screenshot').catch(() => undefined)
    const { template } = facts
    const manifest = { run: facts.run, template, uri: guest.domain.uri, xml: guest.xml, commands: ran }
    const console = await guest.console()
    return {
      ...(console.length > 0 && { console }),
      events: Buffer.from(guest.watch.events.map(line => `${line}\n`).join('')),
      manifest: Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`),
      ...(picture && { [picture.type === 'png' ? 'screenshot' : 'screenshot-ppm']: picture.bytes }),
    }
  }

  const end = async () => {
    guest.fate.ring({ kind: 'cancelled' })
    kept = await collect().catch(() => ({}))
    await guest.off().then(
      () => released(undefined),
      error => released(error),
    )
  }

  return {
    run: facts.run,
    exec: run,
    write,
    read,
    evidence: async () => kept ?? (await collect()),
    release: () => {
      release ??= end()
      return release
    },
  }
}
