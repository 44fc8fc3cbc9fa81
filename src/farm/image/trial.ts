// The first boot of an imported disk: does its agent answer? If not, what is missing is found out from outside, as far as it shows.
import { randomBytes } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import { z } from 'zod'
import type { Config, ImportedImageConfig } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import type { Progress } from '../../ports/farm.ts'
import { bootableOf, layOut, layoutOf } from '../bootable.ts'
import { defaultDeadlines } from '../deadline.ts'
import { picture } from '../evidence.ts'
import { confined } from '../jail.ts'
import { type Machine, startMachine, tell } from '../machine.ts'
import { nameFor, thisOwner, tokenOf } from '../owner.ts'
import { type Accelerator, probeQemu } from '../qemu.ts'
import { chooseAccelerator } from '../qualify/accelerator.ts'
import { canaryImage } from '../qualify/image.ts'
import { ownFolder } from '../yard.ts'
import type { Image } from './manifest.ts'

export type TrialRequest = {
  image: Image
  config: ImportedImageConfig
  farm: Pick<Config['farm'], 'data' | 'user' | 'accelerator' | 'images'>
  /** From power-on to the agent's answer. */
  deadlineMs: Millis
  progress: Progress
  signal?: AbortSignal | undefined
}

/** Boots it in a throw-away machine; gives how long that took. Faults with what is missing: timeout, unreachable (the guest went down); refused. */
export const tryBoot = async (request: TrialRequest): Promise<Millis> => {
  const { image, config, farm, progress, signal } = request
  const folder = farm.data
  const owner = thisOwner(tokenOf(folder))
  const log = (line: string) => progress(`${config.name}: ${line}`)
  await mkdir(join(folder, 'clones'), { recursive: true })
  const qemu = await confined(await probeQemu(), { folder, owner, user: farm.user, log })
  const accelerator = await accelerate({ ...request, log }, { qemu, owner })
  const own = join(folder, 'clones', `.import-${randomBytes(4).toString('hex')}`)
  await ownFolder({ owner }, own)
  await rm(screenOf(request), { force: true })
  try {
    const bootable = bootableOf(image, config)
    const files = { overlay: join(own, 'disk.qcow2'), vars: join(own, 'vars.fd') }
    const places = {
      name: nameFor(owner, `import-${config.name}`),
      memory: { file: join(own, 'memory'), shared: false },
      ...(await layOut(bootable, files)),
      incoming: false,
    }
    const layout = layoutOf(bootable, accelerator)
    signal?.throwIfAborted()
    const machine = await startMachine({ qemu, layout, places, folder: own, deadlines: defaultDeadlines })
    try {
      return await answer(machine, request)
    } finally {
      await machine.kill()
    }
  } finally {
    await rm(own, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** A host is judged by a guest of ours, never by a disk that nobody knows yet. */
const accelerate = async (
  { farm, log, signal }: TrialRequest & { log: (line: string) => void },
  { qemu, owner }: Pick<Parameters<typeof chooseAccelerator>[0], 'qemu' | 'owner'>,
): Promise<Accelerator> => {
  const { accelerator: wanted, images, data: folder } = farm
  if (wanted === 'tcg') return 'tcg'
  const image = await canaryImage(folder, images).catch(() => undefined)
  if (!image) return wanted === 'kvm' ? 'kvm' : 'tcg'
  return await chooseAccelerator({
    ...{ folder, wanted, qemu, image, owner, deadlines: defaultDeadlines, log, signal },
  })
}

const answer = async (machine: Machine, request: TrialRequest): Promise<Millis> => {
  const { config, deadlineMs, progress, signal } = request
  const began = performance.now()
  const elapsed = () => Math.round(performance.now() - began)
  const tick = () =>
    progress(
      `${config.name}: waiting for the guest’s agent (${seconds(elapsed())} of ${seconds(deadlineMs)} s)`,
      Math.min(elapsed(), deadlineMs),
      deadlineMs,
    )
  tick()
  const ticking = setInterval(tick, 1000)
  const stopped = new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  const gone = machine.fate.rung.then((fate): never => {
    throw new Fault('unreachable', 'never', `${tell(fate)} after ${seconds(elapsed())} s`)
  })
  gone.catch(() => {})
  stopped.catch(() => {})
  const over = new AbortController()
  try {
    await machine.qmp.command('cont')
    await Promise.race([gone, stopped, barren(machine, over.signal), machine.agent.sync(deadlineMs)])
    return elapsed()
  } catch (error) {
    signal?.throwIfAborted()
    throw error instanceof Fault ? await explain(error, machine, request) : error
  } finally {
    clearInterval(ticking)
    over.abort()
  }
}

/** Firmware has found what it boots long before that, emulated too. */
const barrenMs: Millis = 120_000

/** Fault timeout when the disk was hardly read so late: nobody needs to wait for the rest. */
const barren = async (machine: Machine, signal: AbortSignal): Promise<never> => {
  await sleep(barrenMs, undefined, { signal }).catch(() => never)
  const read = await bytesRead(machine)
  if (signal.aborted || read === undefined || read >= hardlyRead) return await never
  throw new Fault('timeout', 'never', 'the disk was hardly read')
}

const never = new Promise<never>(() => {})

const seconds = (span: Millis): number => Math.round(span / 1000)

/** Where a failed trial leaves a picture of the guest's screen. */
const screenOf = ({ farm, config }: TrialRequest): string => join(farm.data, `import-${config.name}.png`)

const explain = async (error: Fault, machine: Machine, request: TrialRequest): Promise<Fault> => {
  const { config } = request
  const found =
    error.kind === 'timeout' ? await missing(machine, config) : { what: error.message, ...wentDown }
  const screenshot = await picture(machine)
  const place = screenOf(request)
  if (screenshot) await writeFile(place, screenshot)
  const last = stripVTControlCharacters(machine.console().toString('latin1'))
    .trim()
    .split(/[\r\n]+/)
    .at(-1)
    ?.slice(0, 120)
  const seen = [
    last ? `last on its console: ${last}` : 'nothing on its console',
    ...(screenshot ? [`its screen: ${place}`] : []),
  ]
  const message = `image ${config.name} is not imported, its agent did not answer: ${found.what}; ${seen.join('; ')}`
  return new Fault(error.kind, 'never', message, { cause: error, remedy: found.remedy })
}

type Missing = { what: string; remedy: string }

const wentDown = {
  remedy:
    'let its system finish its own set-up first, so that it boots without a restart; or import it with --no-boot',
}

/** Firmware that finds nothing to boot reads the first blocks only. */
const hardlyRead = 1 << 20

const missing = async (machine: Machine, config: ImportedImageConfig): Promise<Missing> => {
  const [readBytes, driver, opened] = await Promise.all([
    bytesRead(machine),
    driverState(machine),
    portOpened(machine),
  ])
  if (opened)
    return {
      what: 'something opened the agent’s port, and did not answer',
      remedy: 'is it qemu-guest-agent? If the guest was still booting, give it longer with --deadline',
    }
  if (driver)
    return {
      what: 'the virtio-serial driver is at work, but no agent has opened its port',
      remedy:
        config.os === 'windows'
          ? 'install the QEMU guest agent in it (virtio-win guest tools), as a service that starts by itself'
          : 'install the package qemu-guest-agent in it, and let it start at boot',
    }
  if (readBytes !== undefined && readBytes < hardlyRead) {
    const other = config.firmware === 'bios' ? 'uefi' : 'bios'
    return {
      what: `firmware ${config.firmware} found nothing to boot on the disk`,
      remedy: `set firmware: ${other} if the disk was installed with it, or disk: ${config.disk === 'sata' ? 'virtio' : 'sata'}`,
    }
  }
  return {
    what: 'the disk boots, but the guest has not set up its virtio-serial port: it has no driver for it, or has not come that far',
    remedy: `${
      config.os === 'windows'
        ? 'install the virtio-win guest tools in it'
        : 'its kernel needs virtio_pci and virtio_console'
    }; if it cannot find its disk, set disk: sata; if it was still booting, give it longer with --deadline`,
  }
}

const blocksSchema = z.array(
  z.object({ 'node-name': z.string().optional(), stats: z.object({ rd_bytes: z.number() }) }),
)
const devicesSchema = z.array(z.object({ name: z.string(), path: z.string() }))
const statusSchema = z.object({ status: z.object({ statuses: z.array(z.string()) }) })
const chardevsSchema = z.array(z.object({ label: z.string(), 'frontend-open': z.boolean() }))

/** What QEMU says, where it knows the question: some of them are new, and some experimental. */
const ask = async <T>(machine: Machine, schema: z.ZodType<T>, command: string, args = {}) =>
  await machine.qmp.command(command, args).then(
    answer => schema.safeParse(answer).data,
    () => undefined,
  )

const bytesRead = async (machine: Machine): Promise<number | undefined> => {
  const blocks = await ask(machine, blocksSchema, 'query-blockstats')
  return blocks?.find(one => one['node-name'] === 'disk')?.stats.rd_bytes
}

/** Has the guest's driver said that it is ready (virtio 1.2, 2.1)? */
const driverState = async (machine: Machine): Promise<boolean> => {
  const devices = await ask(machine, devicesSchema, 'x-query-virtio')
  const path = devices?.find(({ name }) => name === 'virtio-serial')?.path
  const state = path && (await ask(machine, statusSchema, 'x-query-virtio-status', { path }))
  return (state || undefined)?.status.statuses.some(one => one.includes('DRIVER_OK')) ?? false
}

const portOpened = async (machine: Machine): Promise<boolean> => {
  const ports = await ask(machine, chardevsSchema, 'query-chardev')
  return ports?.some(port => port.label === 'agent' && port['frontend-open']) ?? false
}
