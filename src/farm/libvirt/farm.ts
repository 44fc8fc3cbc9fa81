// The farm over libvirt: implements ports/farm.ts with domains and snapshots that somebody keeps there already. A lease reverts a domain to
// its snapshot, a release powers it off. Templates with files and steps of a recipe are snapshots of the farm's own beside the given one.
import type { ImageConfig, LibvirtImageConfig } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import type { RunId } from '../../model/run.ts'
import type { Clone, Farm, Progress, TemplateSpec } from '../../ports/farm.ts'
import { contentId } from '../../text/digest.ts'
import { thisOwner, tokenOf } from '../owner.ts'
import { shareWork } from '../shared-work.ts'
import { asFault } from '../system-fault.ts'
import { openLibvirtClone } from './clone.ts'
import { defaultLibvirtDeadlines, type LibvirtDeadlines } from './deadlines.ts'
import { type Domain, openDomain } from './domain.ts'
import { snapshotIdentity } from './facts.ts'
import { type LibvirtGuest, startGuest } from './guest.ts'
import { makeSnapshot } from './make.ts'
import { reapDomains } from './reap.ts'
import { openRecords, type TemplateRecord } from './records.ts'
import { openSeats } from './seat.ts'
import { liveSnapshot } from './snapshot.ts'
import { openVirsh, type Virsh } from './virsh.ts'

export type LibvirtFarmOptions = {
  /** Absolute: the farm's. What is remembered of domains lies in `libvirt` below it. */
  folder: string
  /** Those of kind `libvirt` are this farm's. */
  images: ImageConfig[]
  /** This farm's own, the same at every start: it stands on the domains that it runs. Made of the folder's path if none is given. */
  token?: string
  log?: (line: string) => void
  deadlines?: Partial<LibvirtDeadlines>
  /** Default: the `virsh` in $PATH. */
  program?: string
}

/** Ids of templates that are this farm's begin so. */
export const libvirtPrefix = 'libvirt-'

/** libvirt is first asked when a template is. */
export const createLibvirtFarm = async (options: LibvirtFarmOptions): Promise<Farm> => {
  const { folder, log = () => {} } = options
  const deadlines = { ...defaultLibvirtDeadlines, ...options.deadlines }
  const owner = thisOwner(options.token ?? tokenOf(folder))
  const records = openRecords(folder)
  const seatAt = openSeats({ records, owner, log })
  const share = shareWork<string>()
  const connections = new Map<string, Virsh>()

  const domainOf = ({ uri, domain }: { uri: string; domain: string }): Domain => {
    const program = options.program === undefined ? {} : { program: options.program }
    const virsh = connections.get(uri) ?? openVirsh({ uri, callMs: deadlines.callMs, ...program })
    connections.set(uri, virsh)
    return openDomain({ virsh, name: domain, deadlines })
  }

  const imageOf = (name: string): LibvirtImageConfig => {
    const image = options.images.find(one => one.name === name)
    if (image?.kind === 'libvirt') return image
    throw new Fault('malformed', 'never', `there is no image "${name}" in libvirt`)
  }

  const start = (image: LibvirtImageConfig, snapshot: string, run: string, signal?: AbortSignal) =>
    startGuest({ domain: domainOf(image), snapshot, os: image.os, owner, run, deadlines, signal })

  /** Holds the domain while `act` uses it, and leaves it off. */
  const seated = async <T>(
    image: LibvirtImageConfig,
    run: string,
    { act, signal }: { act: (domain: Domain) => Promise<T>; signal: AbortSignal },
  ): Promise<T> => {
    const domain = domainOf(image)
    const seat = await seatAt(domain, run, signal)
    try {
      return await act(domain)
    } finally {
      await seat.leave()
    }
  }

  /** Reverts once: a template counts when its guest has answered. */
  const prove = async (image: LibvirtImageConfig, snapshot: string, signal: AbortSignal) => {
    const guest = await start(image, snapshot, 'proof', signal)
    await guest.off()
  }

  const given = async (image: LibvirtImageConfig, progress: Progress, signal: AbortSignal) => {
    const { name, uri, domain, snapshot } = image
    const identity = snapshotIdentity(await liveSnapshot(domainOf(image), snapshot))
    const id = idOf([uri, domain, snapshot, identity])
    const label = `image ${name}`
    const known = await records.template(id)
    if (!known) {
      progress(`${label}: reverting to ${snapshot}`)
      await seated(image, `template-${name}`, { act: () => prove(image, snapshot, signal), signal })
      const now = new Date().toISOString()
      const times = { createdAt: now, usedAt: now }
      await records.keep({ id, label, image: name, uri, domain, snapshot, identity, own: false, ...times })
    }
    return id
  }

  const derived = async (
    spec: TemplateSpec,
    image: LibvirtImageConfig,
    progress: Progress,
    signal: AbortSignal,
  ) => {
    const base = await given(image, progress, signal)
    const { uri, domain } = image
    const paths = spec.files.map(({ path, untar }) => [path, untar])
    const id = idOf([base, spec.content, spec.prepare, paths])
    const snapshot = `${ownPrefix(owner.token)}${id.slice(libvirtPrefix.length).slice(0, 16)}`
    const known = await records.template(id)
    if (known && (await isThere(known))) return id
    const act = async (held: Domain) => {
      const open = (name: string) => start(image, name, `template-${id}`, signal)
      const making = { domain: held, base: image.snapshot, snapshot, spec, progress, signal, open, id }
      const identity = await makeSnapshot(making)
      const now = new Date().toISOString()
      const record = { id, label: spec.label, image: image.name, uri, domain, snapshot, identity }
      await records.keep({ ...record, own: true, createdAt: now, usedAt: now })
      await prune(held, record)
    }
    await seated(image, `template-${id}`, { act, signal })
    return id
  }

  const isThere = async ({ uri, domain, snapshot, identity }: TemplateRecord): Promise<boolean> => {
    const xml = await domainOf({ uri, domain }).snapshotXml(snapshot).catch(noSnapshot)
    return xml !== undefined && snapshotIdentity(xml) === identity
  }

  /** Deletes the farm's own snapshots of the same label, but the newest ones. Another's is never deleted. */
  const prune = async (
    domain: Domain,
    { id, label, image }: Pick<TemplateRecord, 'id' | 'label' | 'image'>,
  ) => {
    const same = (await records.templates())
      .filter(one => one.own && one.image === image && one.label === label && one.domain === domain.name)
      .sort((a, b) => b.usedAt.localeCompare(a.usedAt))
    for (const old of same.filter(one => one.id !== id).slice(keptOwn - 1)) {
      if (!old.snapshot.startsWith(ownPrefix(owner.token))) continue
      try {
        if (await isThere(old)) await domain.deleteSnapshot(old.snapshot)
        await records.forget(old.id)
      } catch (error) {
        log(`snapshot ${old.snapshot} of ${domain.name} was not deleted: ${String(error)}`)
      }
    }
  }

  const template: Farm['template'] = async (spec, progress, signal) => {
    const image = imageOf(spec.image)
    const isPlain = spec.files.length === 0 && spec.prepare.length === 0
    const key = JSON.stringify([spec.image, isPlain ? '' : [spec.content, spec.prepare]])
    return await share(key, { progress, signal }, (tell, stop) =>
      asFault(spec.label, isPlain ? given(image, tell, stop) : derived(spec, image, tell, stop)),
    )
  }

  const lease: Farm['lease'] = request => asFault(`a clone for run ${request.run}`, leased(request))

  const leased: Farm['lease'] = async ({ run, template, signal }) => {
    const record = await records.template(template)
    if (!record) throw notThere(template)
    const image = imageOf(record.image)
    const domain = domainOf(record)
    const seat = await seatAt(domain, run, signal)
    try {
      if (!(await isThere(record))) throw notThere(template)
      await records.keep({ ...record, usedAt: new Date().toISOString() })
      const guest = await start(image, record.snapshot, run, signal)
      return cloneOf(guest, run, record, seat.leave)
    } catch (error) {
      await seat.leave()
      if (error instanceof Fault && error.kind === 'damaged') await records.forget(template)
      throw error
    }
  }

  const cloneOf = (
    guest: LibvirtGuest,
    run: RunId,
    template: TemplateRecord,
    leave: (failed: unknown) => Promise<void>,
  ): Clone => openLibvirtClone(guest, { run, template }, leave)

  const reap = () => asFault('what dead processes left', reapDomains({ records, owner, domainOf, log }))
  return { template, lease, reap, close: async () => {} }
}

/** So many of the farm's own snapshots are kept for each label: the newest and the one before. */
const keptOwn = 2

const ownPrefix = (token: string): string => `grapevine-${token.slice(0, 24)}-`

const idOf = (facts: unknown[]): string => `${libvirtPrefix}${contentId(32, ...facts)}`

const notThere = (id: string): Fault =>
  new Fault('damaged', 'soon', `template ${id} is not there, or its snapshot is another one now`, {
    remedy: 'it is looked for, or made anew, when it is asked for',
  })

const noSnapshot = (error: unknown): undefined => {
  if (error instanceof Fault && error.kind === 'refused') return undefined
  throw error
}
