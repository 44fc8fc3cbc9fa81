// A worker in a process of its own, made to be killed: says which job it took, and never ends it.
import { redisConnection } from '../../src/adapters/bullmq/connection.ts'
import { work } from '../../src/adapters/bullmq/work.ts'

const [socket = '', prefix = ''] = process.argv.slice(2)
await work('judge', {
  connection: redisConnection({ where: socket, log: () => {} }),
  prefix,
  concurrency: 1,
  timing: { lock: 600, check: 200 },
  log: () => {},
  handler: data => {
    console.log(`took ${data.task}`)
    return new Promise(() => {})
  },
})
