// One domain of libvirt: its state, snapshots and power, and the way to its guest's agent. Names are checked, so that none is an option.

import { randomUUID } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { Fault } from '../../model/fault.ts'
import type { AgentPort } from '../guest/by-agent/port.ts'
import type { LibvirtDeadlines } from './deadlines.ts'
import type { Virsh } from './virsh.ts'

export type DomainState = { state: string; reason: string }

export type Domain = ReturnType<typeof openDomain>

export type DomainOptions = {
  virsh: Virsh
  name: string
  deadlines: LibvirtDeadlines
  signal?: AbortSignal | undefined
}

/** Where the farm's mark stands in a domain's metadata. It is no address. */
const markUri = 'https://grapevine.invalid/run'
const screenshotMs = 15_000

const answerSchema = z.object({ return: z.unknown() })

export const openDomain = ({ virsh, name, deadlines }: DomainOptions) => {
  const domain = ['--domain', checked(name, 'domain')]
  const { revertMs } = deadlines
  const snapshotOf = (snapshot: string) => [...domain, '--snapshotname', checked(snapshot, 'snapshot')]

  /** `running (from snapshot)`, `shut off (crashed)` (virsh(1), domstate). */
  const state = async (): Promise<DomainState> => {
    const said = (await virsh.run(['domstate', ...domain, '--reason'])).trim()
    const [, state = said, reason = ''] = /^(.*?) \((.*)\)$/.exec(said) ?? []
    return { state, reason }
  }

  return {
    name,
    uri: virsh.uri,
    state,
    /** Disks that failed, with libvirt's words: `vda: no space`. */
    diskErrors: async (): Promise<string> =>
      (await virsh.run(['domblkerror', ...domain])).trim().replace(/\s*\n\s*/g, ', '),
    xml: () => virsh.run(['dumpxml', ...domain]),
    follow: (onLine: (line: string) => void, ended: () => void) =>
      virsh.follow(['event', ...domain, '--all', '--loop', '--timestamp'], onLine, ended),

    snapshots: async (): Promise<string[]> =>
      (await virsh.run(['snapshot-list', ...domain, '--name'])).split('\n').filter(Boolean),
    snapshotXml: (snapshot: string) => virsh.run(['snapshot-dumpxml', ...snapshotOf(snapshot)]),
    /** Paused: so that the mark can be set before the guest runs. */
    revert: (snapshot: string, signal?: AbortSignal) =>
      virsh.run(['snapshot-revert', ...snapshotOf(snapshot), '--paused'], { span: revertMs, signal }),
    createSnapshot: (snapshot: string, description: string) =>
      virsh.run(
        [
          'snapshot-create-as',
          ...domain,
          '--name',
          checked(snapshot, 'snapshot'),
          '--description',
          description,
        ],
        { span: revertMs },
      ),
    deleteSnapshot: (snapshot: string) =>
      virsh.run(['snapshot-delete', ...snapshotOf(snapshot)], { span: revertMs }),

    resume: () => virsh.run(['resume', ...domain]),
    /** Off, whatever it was. Repeatable. */
    off: async (): Promise<void> => {
      await virsh.run(['destroy', ...domain]).catch(async error => {
        // It went off before.
        if ((await state()).state !== 'shut off') throw error
      })
    },

    /** Says on the running domain whose run it is; it is gone when the domain is off. */
    setMark: (mark: Mark) =>
      virsh.run([
        'metadata',
        ...domain,
        '--uri',
        markUri,
        '--key',
        'grapevine',
        '--live',
        '--set',
        markXml(mark),
      ]),
    mark: async (): Promise<Mark | undefined> => {
      try {
        return readMark(await virsh.run(['metadata', ...domain, '--uri', markUri, '--live']))
      } catch (error) {
        if (error instanceof Fault && error.kind === 'refused') return undefined
        throw error
      }
    },

    /** The picture, and what it is: `image/png`; older ones give `image/x-portable-pixmap`. */
    screenshot: async (): Promise<{ type: string; bytes: Buffer }> => {
      const file = join(tmpdir(), `grapevine-screen-${randomUUID()}`)
      try {
        // Quiet, virsh would not tell the type.
        await virsh.run(['screenshot', ...domain, '--file', file], { span: screenshotMs })
        const bytes = await readFile(file)
        return { type: bytes.subarray(1, 4).toString('latin1') === 'PNG' ? 'png' : 'ppm', bytes }
      } finally {
        await rm(file, { force: true })
      }
    },

    agent: agentOf(virsh, domain),
  }
}

export type Mark = { token: string; owner: string; run: string }

const markPart = /^[\w.:-]*$/

const markXml = ({ token, owner, run }: Mark): string => {
  for (const part of [token, owner, run])
    if (!markPart.test(part)) throw new Fault('malformed', 'never', `"${part}" cannot stand in a mark`)
  return `<run token='${token}' owner='${owner}' id='${run}'/>`
}

/** As libvirt prints what was set above. */
const readMark = (xml: string): Mark | undefined => {
  const attribute = (name: string) => new RegExp(`\\b${name}=["']([\\w.:-]*)["']`).exec(xml)?.[1]
  const [token, owner, run] = [attribute('token'), attribute('owner'), attribute('id')]
  return token === undefined || owner === undefined || run === undefined ? undefined : { token, owner, run }
}

/** Linux takes 128 KiB for one argument (execve(2), MAX_ARG_STRLEN); base64 makes three bytes four. */
const pieceBytes = 96 * 1024 - 1536

const agentOf = (virsh: Virsh, domain: string[]): AgentPort => ({
  pieceBytes,
  command: async (execute, args, span) => {
    const request = JSON.stringify({ execute, arguments: args })
    const seconds = String(Math.max(1, Math.ceil(span / 1000)))
    const command = ['qemu-agent-command', ...domain, '--timeout', seconds, '--cmd', request]
    try {
      // libvirt itself gives up first, so that its side of the channel stays in order.
      const said = await virsh.run(command, { span: span + 10_000 })
      return answerSchema.parse(JSON.parse(said)).return
    } catch (error) {
      throw error instanceof Fault ? agentFault(error) : error
    }
  },
})

const agentFault = (fault: Fault): Fault => {
  const { message, kind } = fault
  if (kind !== 'refused') return fault
  if (/agent is not connected|domain is not running|not available.*not connected/.test(message))
    return new Fault('unreachable', 'soon', message, { cause: fault })
  if (/agent (is )?not (responding|available)|not available for now/.test(message))
    return new Fault('timeout', 'soon', message, { cause: fault })
  const words = /unable to execute QEMU agent command '[^']*': ([\s\S]*)/.exec(message)?.[1]
  return words === undefined ? fault : new Fault('refused', 'soon', `guest agent: ${words}`, { cause: fault })
}

/** Fault malformed (never) for a name that virsh could take for an option or a path. */
const checked = (name: string, what: string): string => {
  if (/^[^-/\0\n][^/\0\n]*$/.test(name)) return name
  throw new Fault('malformed', 'never', `"${name}" cannot be the name of a ${what}`)
}
