// A host for the latency bench: a real worker, whose farm says on stdout when a command begins and ends in a guest.
import { readConfig } from '../src/config/load.ts'
import type { Farm } from '../src/ports/farm.ts'
import { freeOwnTasks, hostParts, openFarm } from '../src/wiring/host.ts'
import { openLog } from '../src/wiring/log.ts'
import { wire } from '../src/wiring/wire.ts'
import { hostWorker } from '../workers/run.ts'

const say = (what: object): void =>
  void process.stdout.write(`${JSON.stringify({ at: Date.now(), ...what })}\n`)

const telling = (farm: Farm): Farm => ({
  ...farm,
  async lease(options) {
    const clone = await farm.lease(options)
    const { exec } = clone
    return {
      ...clone,
      async exec(command, more) {
        say({ on: 'begin', name: command.name })
        const ending = await exec(command, more)
        say({ on: 'end', name: command.name })
        return ending
      },
    }
  },
})

const stop = new AbortController()
process.stdin.once('end', () => stop.abort()).resume()
const { config } = await readConfig({ file: process.argv[2], env: process.env, repositories: 'later' })
const log = openLog('lines')
const wired = await wire(config, log)
const farm = telling(await openFarm(wired))
await farm.reap()
await freeOwnTasks(wired)
const worker = await hostWorker(wired, farm, hostParts(wired, farm))
say({ on: 'up' })
await new Promise(resolve => stop.signal.addEventListener('abort', resolve))
await worker.close()
await farm.close()
await wired.close()
process.exit()
