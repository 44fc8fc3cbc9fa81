// A worker in a process of its own, made to be killed: it says which task it took, and never ends it.
import { gatedFarm, startHost, wiredFor } from '../fakes/hosts.ts'

const [redis = '', folder = '', host = ''] = process.argv.slice(2)
const wired = await wiredFor({ redis, folder }, { host, slots: 1 })
const { farm, until, started, running } = gatedFarm()
await startHost(wired, farm, { small: { cpus: 1, memoryMiB: 512 } })
await until(() => started.length > 0)
console.log('took it')
await until(() => running.size === 0)
