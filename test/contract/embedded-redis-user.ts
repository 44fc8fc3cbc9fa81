// A process that uses the embedded Redis of a folder until it is killed.
import { embeddedRedis } from '../../src/adapters/redis/embedded.ts'

const { ours } = await embeddedRedis({ folder: process.argv[2] ?? '' })
console.log(`ours: ${ours}`)
setInterval(() => {}, 60_000)
