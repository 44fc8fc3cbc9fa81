// Where the logs, consoles and screenshots of a verdict can be read: pages if there are any, else files by series and image.
import { isFirstBuild } from '../model/job.ts'
import type { RunId } from '../model/run.ts'
import type { SeriesId } from '../model/series.ts'
import type { Verdict } from '../model/verdict.ts'
import { evidencePath, runPath, seriesPath } from '../web/links.ts'
import type { Wired } from './wire.ts'

type Named = { name: string; blob: string; path: string }

/** The try at the build that left this log. */
const buildRun = async ({ store }: Wired, { job, buildLog }: Verdict): Promise<RunId | undefined> => {
  if (job === undefined || buildLog === undefined) return undefined
  const build = (await store.tasksOf(job)).find(isFirstBuild)
  const runs = build ? await store.runsOf(build.id) : []
  return runs.findLast(({ evidence }) => evidence.log === buildLog)?.id
}

const all = (verdict: Verdict, build: RunId | undefined): Named[] => {
  const { series, buildLog, images } = verdict
  const one = (
    name: string,
    blob: string | undefined,
    of: { run: RunId | undefined; last: string },
  ): Named[] => {
    if (blob === undefined) return []
    return [
      {
        name,
        blob,
        path: of.run === undefined ? evidencePath(series, blob) : `${runPath(of.run)}/${of.last}`,
      },
    ]
  }
  return [
    ...one('build.log', buildLog, { run: build, last: 'log' }),
    ...images.flatMap(({ image, run, log, console, screenshot }) => [
      ...one(`${image}.log`, log, { run, last: 'log' }),
      ...one(`${image}.console`, console, { run, last: 'console' }),
      ...one(`${image}.png`, screenshot, { run, last: 'screenshot.png' }),
    ]),
  ]
}

/** Of the page of a series, below web.url. */
export const pageAddress = (url: string, series: SeriesId): string =>
  `${url.replace(/\/+$/, '')}${seriesPath(series)}`

/** The address of a page below web.url, or a path for each, by blob. */
export const namedLogs = async (wired: Wired, verdict: Verdict): Promise<(blob: string) => string> => {
  const { blobs, logs, config } = wired
  const { url } = config.web
  const addresses = new Map<string, string>()
  const build = url === undefined ? undefined : await buildRun(wired, verdict)
  for (const { name, blob, path } of all(verdict, build)) {
    if (addresses.has(blob)) continue
    const where = blobs.where(blob)
    // A convenience: no verdict waits for a name.
    const named =
      url === undefined
        ? await logs.link([verdict.series, name], where).catch(() => where)
        : `${url.replace(/\/+$/, '')}${path}`
    addresses.set(blob, named)
  }
  return blob => addresses.get(blob) ?? blobs.where(blob)
}
