// One hostile mail in a process of its own: `node bench/hostile-one.ts NAME` says how long it took and how much memory above what was there.
import { gitMail } from '../src/adapters/git/mail.ts'
import { understand } from '../src/stages/receive/understand.ts'
import { monsters, seeds } from '../test/fakes/hostile.ts'

const take = understand({ gitMail: gitMail() })
await take([seeds[0] ?? Buffer.alloc(0)], [])
const raw = monsters[process.argv[2] ?? '']?.()
if (raw === undefined) throw new Error(`there is no monster ${process.argv[2]}`)
const before = process.resourceUsage().maxRSS
const began = performance.now()
const [said] = await take([raw], [])
const ms = performance.now() - began
const mib = (process.resourceUsage().maxRSS - before) / 1024
console.log(JSON.stringify({ ms, mib, kind: said?.disposition.kind, against: said?.patch?.unusable?.why }))
process.exit()
