// A process that holds two clones until it is killed; run by reap.test.ts.
import { openFarm, plain, silent } from './world.ts'

const [token = '', folder = ''] = process.argv.slice(2)
const farm = await openFarm({ token, folder, accelerator: 'tcg' })
const template = await farm.template(plain('busybox'), silent)
await farm.lease({ run: 'held 1', template })
await farm.lease({ run: 'held 2', template })
process.stdout.write('held\n')
setInterval(() => {}, 60_000)
