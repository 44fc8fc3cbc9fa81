// `npm run bench -- NAME [--json]`: measures on this machine, now. Speeds are judged here and nowhere in the tests.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { table } from '../src/cli/table.ts'
import type { Bench } from './row.ts'

const benches: Record<string, () => Promise<Bench>> = {
  mail: async () => (await import('./mail.ts')).mail,
  imap: async () => (await import('./imap.ts')).imap,
  hostile: async () => (await import('./hostile.ts')).hostile,
  farm: async () => (await import('./farm.ts')).farm,
  kills: async () => (await import('./kills.ts')).kills,
  bugzilla: async () => (await import('./bugzilla.ts')).bugzilla,
  delivery: async () => (await import('./delivery.ts')).delivery,
  latency: async () => (await import('./latency.ts')).latency,
  web: async () => (await import('./web.ts')).web,
  'web-live': async () => (await import('./web-live.ts')).webLive,
  verdict: async () => (await import('./verdict/verdict.ts')).verdict,
  'verdict-guests': async () => (await import('./verdict/real.ts')).verdictGuests,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, archive: { type: 'string' } },
})
const load = benches[positionals[0] ?? '']
if (!load) {
  console.error(`bench: say which: ${Object.keys(benches).join(', ')} (with --json for programs)`)
  process.exit(64)
}
const rows = await (await load())({ archive: values.archive })
const kept = join(fileURLToPath(new URL('../.grapevine/bench', import.meta.url)))
mkdirSync(kept, { recursive: true })
const file = join(kept, `${positionals[0]}-${new Date().toISOString().replaceAll(':', '')}.json`)
writeFileSync(file, `${JSON.stringify({ rows }, undefined, 2)}\n`)
if (values.json) console.log(JSON.stringify({ rows }))
else {
  const cells = rows.map(one => [
    one.name,
    String(one.value),
    one.unit,
    one.goal === null ? '' : String(one.goal),
    one.reached === null ? '' : one.reached ? 'yes' : 'no',
  ])
  console.log(table([['what', 'value', 'unit', 'goal', 'reached'], ...cells]))
  console.log(`kept in ${file}`)
}
process.exit()
