// `grapevine farm`: this host's disk: what takes the room, what may go, and whether every byte is what it was.
import { Command } from 'commander'
import type { Scrubbed } from '../farm/storage/scrub.ts'
import type { Summary } from '../farm/storage/summary.ts'
import type { Alarm } from '../model/incident.ts'
import type { CliDeps } from './deps.ts'
import { exitCode } from './exit.ts'
import { withStore } from './stored.ts'

const lines = (deps: CliDeps, all: string[]) => deps.stdout.write(all.map(line => `${line}\n`).join(''))

const show = async (deps: CliDeps, { json = false }: { json?: boolean }): Promise<void> => {
  const { farm } = await deps.config({ repositories: 'later', secrets: 'later' })
  const { summarise } = await import('../farm/storage/summary.ts')
  const place = { farm: farm.data, backups: farm.backup.folder, reserveMiB: farm.reserveMiB }
  const summary = await summarise(place)
  if (json) lines(deps, [JSON.stringify(summary)])
  else lines(deps, await describe(summary))
}

const describe = async ({ room, takes, prunable, damage }: Summary): Promise<string[]> => {
  const { sizeText } = await import('../farm/storage/usage.ts')
  const { table } = await import('./table.ts')
  const rows = takes
    .filter(({ bytes }) => bytes > 0)
    .map(({ kind, name, bytes, note }) => [kind, sizeText(bytes), note, name])
  const freed = prunable.reduce((sum, { bytes }) => sum + bytes, 0)
  return [
    table([['what', 'takes', '', 'name'], ...rows]),
    '',
    `disk of ${room.folder}: ${sizeText(room.free)} of ${sizeText(room.total)} free, ${sizeText(room.reserve)} reserve, ${sizeText(room.usable)} usable`,
    ...(freed > 0 ? [`could go: ${sizeText(freed)} (grapevine farm prune)`] : []),
    ...damage.map(({ about, detail }) => `not mended yet: ${about}: ${detail}`),
  ]
}

const prune = async (deps: CliDeps, options: { dryRun?: boolean; json?: boolean }): Promise<void> => {
  const { farm } = await deps.config({ repositories: 'later', secrets: 'later' })
  const { findPrunable, removePrunable } = await import('../farm/storage/prunable.ts')
  const { sizeText } = await import('../farm/storage/usage.ts')
  const found = await findPrunable(farm.data)
  let freed = 0
  for (const one of found) {
    deps.signal.throwIfAborted()
    if (!options.dryRun) await removePrunable(one)
    freed += one.bytes
    const line = `${sizeText(one.bytes).padStart(8)}  ${one.kind} ${one.name}: ${one.why}`
    lines(deps, [options.json ? JSON.stringify(one) : line])
  }
  if (!options.json)
    lines(deps, [
      found.length === 0
        ? 'nothing to remove'
        : `${options.dryRun ? 'would free' : 'freed'} ${sizeText(freed)}`,
    ])
}

/** Damage that this very command mends is on record no more when a worker looks there: its incident is opened here. */
const scrub = async (deps: CliDeps, options: { json?: boolean }): Promise<void> => {
  const { host } = await deps.config({ repositories: 'later', secrets: 'later' })
  const { openAlarm } = await import('../wiring/alarm.ts')
  const { systemClock } = await import('../adapters/clock/system.ts')
  await withStore(deps, store =>
    scrubAll(deps, options, openAlarm({ store, clock: systemClock, log: () => {} }, host)),
  )
}

const scrubAll = async (deps: CliDeps, { json = false }: { json?: boolean }, alarm: Alarm): Promise<void> => {
  const config = await deps.config({ repositories: 'later', secrets: 'later' })
  const { scrubNext } = await import('../farm/storage/scrub.ts')
  const { mend } = await import('../farm/storage/mend.ts')
  const { backupPlace } = await import('./backup.ts')
  const { show: makeShow } = await import('./demo/show.ts')
  const show = makeShow(json ? deps.stderr : deps.stdout)
  const place = { ...backupPlace(deps, config, line => show.status(line)), alarm }
  const since = Date.now()
  let damaged = 0
  try {
    for (;;) {
      const log = (line: string) => show.line(line)
      const found = await scrubNext(
        { folder: place.farm, alarm: place.alarm, log },
        { since, signal: deps.signal },
      )
      if (found.did === 'stopped') deps.signal.throwIfAborted()
      if (found.did === 'nothing' || found.did === 'stopped') break
      if (json) lines(deps, [JSON.stringify(found)])
      tellFile(show, found)
      if (found.did === 'damaged') damaged++
    }
    const left = await mend(place)
    for (const { about, detail } of left) show.line(`not mended yet: ${about}: ${detail}`)
    show.line(damaged === 0 ? 'every byte is what it was' : `damaged files: ${damaged}`)
  } finally {
    show.end()
  }
  if (damaged > 0) deps.exitWith(exitCode.failed)
}

const tellFile = (show: { line(text: string): void; status(text: string): void }, found: Scrubbed) => {
  if (found.did === 'damaged') show.line(`damaged: ${found.why}`)
  if (found.did === 'sound') show.status(`${found.file}: as it was; ${found.left} to go`)
}

export const farm = (deps: CliDeps): Command =>
  new Command('farm')
    .description('Looks after the disk of this host’s farm: farm.data in the configuration.')
    .addCommand(
      new Command('show')
        .summary('show what takes the room')
        .description('Shows what takes how much of the disk, what is free, and the reserve.')
        .option('--json', 'print JSON')
        .addHelpText('after', '\nExample:\n  $ grapevine farm show')
        .action((options: { json?: boolean }) => show(deps, options)),
    )
    .addCommand(
      new Command('prune')
        .summary('remove what nobody needs')
        .description(
          'Removes templates that are outdated and have no clone, replaced image versions, all but the newest damaged ones, left-overs, and downloaded packages. What is needed again is made again. Running clones are not disturbed.',
        )
        .option('-n, --dry-run', 'only show what would go')
        .option('--json', 'print JSON lines: kind, name, path, bytes, why')
        .addHelpText('after', '\nExample:\n  $ grapevine farm prune --dry-run')
        .action((options: { dryRun?: boolean; json?: boolean }) => prune(deps, options)),
    )
    .addCommand(
      new Command('scrub')
        .summary('compare every byte with its digest, now')
        .description(
          'Compares all files of images and templates with their digests. A worker does so by itself while nothing runs. A damaged template is put aside and frozen anew when it is needed; a damaged image is built again, or restored from its newest proven back-up. Exit code 1 if anything was damaged.',
        )
        .option('--json', 'print JSON lines: did, file, bytes or why')
        .addHelpText('after', '\nExample:\n  $ grapevine farm scrub')
        .action((options: { json?: boolean }) => scrub(deps, options)),
    )
    .addHelpText('after', '\nExample:\n  $ grapevine farm show')
