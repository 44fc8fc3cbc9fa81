// How fast mail is received, assembled and stored, on an archive (--archive PATH) or on the demo's mailbox many times over. For one core:
// taskset -c 0 npm run bench -- mail
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dryRun } from '../src/wiring/dry-run.ts'
import { sourceAt } from '../src/wiring/sources.ts'
import { corporaHere, lists, pairsOf, precision, recall, runLabelled } from '../test/text/grouping.ts'
import { type Bench, type Row, row } from './row.ts'

const demo = new URL('../examples/demo/mailbox.mbox', import.meta.url).pathname
const copies = 40

/** The mailbox again and again, each time with Message-IDs of its own. */
const many = async (folder: string): Promise<string> => {
  const text = await readFile(demo, 'latin1')
  const file = join(folder, 'many.mbox')
  const one = (n: number) => text.replace(/^((?:Message-ID|In-Reply-To|References): <)/gim, `$1${n}.`)
  await writeFile(file, Array.from({ length: copies }, (_, n) => one(n)).join(''), 'latin1')
  return file
}

/** How well series are put together, on lists whose sending runs are known; none where they are not at hand. */
const grouping = async (): Promise<Row[]> => {
  const rows: Row[] = []
  for (const list of corporaHere ? lists : []) {
    const labelled = await runLabelled(list)
    await labelled.result.store.close()
    const pairs = pairsOf(labelled)
    const said = (name: string, share: number) =>
      row(`${list.list}: ${name} of pairs in series`, share * 100, '%', { more: 99.5 })
    rows.push(said('precision', precision(pairs)), said('recall', recall(pairs)))
  }
  return rows
}

export const mail: Bench = async ({ archive }) => {
  if (archive !== undefined && !existsSync(archive)) throw new Error(`there is no archive ${archive}`)
  const folder = await mkdtemp(join(tmpdir(), 'grapevine-bench-'))
  try {
    const source = await sourceAt(archive ?? (await many(folder)), 'bench')
    const cpu = process.cpuUsage()
    const began = performance.now()
    const settings = {
      project: { name: 'bench', listTags: [] },
      assemble: { quietMs: 120_000, deadlineMs: 86_400_000, partialMs: 1_800_000 },
    }
    const { store, mails, series } = await dryRun({ ...settings, source, folder: join(folder, 'data') })
    const seconds = (performance.now() - began) / 1000
    const used = process.cpuUsage(cpu)
    await store.close()
    return [
      row('receive, assemble and store', mails.length / seconds, 'mails/s', { more: 200 }),
      row('in all', seconds, 's'),
      row('of it on our own CPU, without git', (used.user + used.system) / 1e6, 's'),
      row('mails', mails.length, 'mails'),
      row('series', series.size, 'series'),
      ...(await grouping()),
    ]
  } finally {
    await rm(folder, { recursive: true })
  }
}
