// A host's disk that fails: its QEMU had to stop a guest because of it. One such error is a fact. Pure.
import type { Instant, Millis } from '../../model/instant.ts'
import type { RunEnd } from '../../model/run-end.ts'
import { isCalm } from './calm.ts'
import type { Found, Over } from './found.ts'

const windowMs: Millis = 2 * 3_600_000

const isBad = ({ sick }: RunEnd): boolean => sick === 'host-disk'

const onHost = (ends: RunEnd[], host: string | undefined): RunEnd[] => ends.filter(end => end.host === host)

/** Hosts whose disk failed, until it has been well for a while. */
export const failingDisks = (ends: RunEnd[], now: Instant): Found[] =>
  [...Map.groupBy(ends.filter(isBad), ({ host }) => host)].flatMap(([host, own]) => {
    if (isCalm(onHost(ends, host), isBad, { now, windowMs })) return []
    const count = own.length === 1 ? 'a guest' : `${own.length} guests`
    const detail =
      `QEMU on ${host} had to stop ${count}, as a disk of the host gave an error; see what its kernel says of the disk, ` +
      `and take nothing until then: grapevine host drain ${host} --reason "its disk fails"`
    return [{ trouble: 'disk-error' as const, host, about: 'farm.data', detail }]
  })

export const disksOver =
  (ends: RunEnd[], now: Instant): Over =>
  ({ host, about }) =>
    about === 'farm.data' && isCalm(onHost(ends, host), isBad, { now, windowMs })
      ? 'its disk gave no more errors'
      : undefined
