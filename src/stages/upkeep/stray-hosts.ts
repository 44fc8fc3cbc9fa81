// A host whose runs fail much more than those of the others, for days: operators hear of it. It goes on taking tasks; whether it should,
// a person decides.
import type { Alarm } from '../../model/incident.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import { strayHosts } from '../../model/stray-host.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'

export type StrayPorts = { store: Store; clock: Clock; alarmOf: (host: string) => Alarm }

/** So far back is looked, so often, and at so many runs of a project. */
const backMs: Millis = 3 * 86_400_000
const everyMs: Millis = 3_600_000
const maxSamples = 5_000

export type StrayWatch = { lookedAt: Instant | undefined }

const trouble = 'host-fails-more'

/** Opens an incident for each such host, and ends those that are over. Looks once an hour. Repeatable. Throws the store's Faults. */
export const tendStrays =
  ({ store, clock, alarmOf }: StrayPorts) =>
  async (projects: string[], watch: StrayWatch): Promise<void> => {
    const now = clock.now()
    if (watch.lookedAt !== undefined && now - watch.lookedAt < everyMs) return
    watch.lookedAt = now
    const given = { patched: false, since: now - backMs, limit: maxSamples }
    const samples = (await Promise.all(projects.map(project => store.samples({ project, ...given })))).flat()
    const open = (await store.incidents({ open: true })).filter(incident => incident.trouble === trouble)
    const found = strayHosts(samples, new Set(open.flatMap(({ host }) => host ?? [])))
    for (const { host, runs, failed, expected } of found)
      await alarmOf(host).raise(
        trouble,
        host,
        `in 3 days ${failed} of ${runs} runs without patches failed on ${host}, where by what other hosts did ${expected.toFixed(1)} should have; ` +
          `look at its memory and disk: grapevine host verify; until then: grapevine host drain ${host} --reason "fails more"`,
      )
    for (const { host, about } of open.filter(one => !found.some(({ host }) => host === one.host)))
      if (host !== undefined)
        await alarmOf(host).clear(trouble, about, 'its runs fail no more than those of others')
  }
