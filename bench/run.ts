// `npm run bench -- NAME [--json]`: measures on this machine, now. Speeds are judged here and nowhere in the tests.
import { parseArgs } from 'node:util'
import { table } from '../src/cli/table.ts'
import type { Bench } from './row.ts'

const benches: Record<string, () => Promise<Bench>> = {
  mail: async () => (await import('./mail.ts')).mail,
  farm: async () => (await import('./farm.ts')).farm,
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
}
process.exit()
