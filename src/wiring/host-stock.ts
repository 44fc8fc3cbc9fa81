// What is on the disk of this host's farm, for the pages: looked at now and then, as it takes reading folders.
import { summarise } from '../farm/storage/summary.ts'
import { type HostStock, maxStock } from '../model/host.ts'
import type { Instant, Millis } from '../model/instant.ts'
import { oneLine } from '../text/clean.ts'
import type { Wired } from './wire.ts'

const everyMs: Millis = 5 * 60_000

const mib = (bytes: number): number => Math.round(bytes / 2 ** 20)

/** Throws system errors of the disk. */
export const lookAtStock = async ({ config, clock }: Pick<Wired, 'config' | 'clock'>): Promise<HostStock> => {
  const { data, backup, reserveMiB } = config.farm
  const { room, takes, damage } = await summarise({ farm: data, backups: backup.folder, reserveMiB })
  const largest = takes.filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes)
  return {
    at: clock.now(),
    ...{ totalMiB: mib(room.total), freeMiB: mib(room.free), reserveMiB: mib(room.reserve) },
    takes: largest.slice(0, maxStock).map(({ kind, name, note, bytes }) => ({
      ...{ kind, name: oneLine(name, 100), note: oneLine(note, 60), MiB: mib(bytes) },
    })),
    more: Math.max(0, largest.length - maxStock),
    damage: damage.slice(0, 10).map(one => oneLine(`${one.about}: ${one.detail}`, 200)),
  }
}

/** Looks again when what it knows is old; whoever asks gets what is known and waits for nothing. */
export const stockOf = (wired: Pick<Wired, 'config' | 'clock' | 'log'>): (() => HostStock | undefined) => {
  let known: HostStock | undefined
  let askedAt: Instant = Number.NEGATIVE_INFINITY
  return () => {
    const now = wired.clock.now()
    if (now - askedAt >= everyMs) {
      askedAt = now
      lookAtStock(wired).then(
        stock => {
          known = stock
        },
        (error: unknown) =>
          wired.log('warn', `what is on the farm's disk cannot be told: ${(error as Error).message}`),
      )
    }
    return known
  }
}
