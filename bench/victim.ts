// A process that runs commands in clones until somebody kills it: bench/kills.ts does. `victim.ts FOLDER TOKEN`; a line for each run begun.
import { createFarm } from '../src/farm/farm.ts'
import { Fault } from '../src/model/fault.ts'
import { asBooted } from './victim-template.ts'

const [folder = '', token = ''] = process.argv.slice(2)
const farm = await createFarm({
  ...{ folder, token, slots: 2, pool: 1, accelerator: 'tcg' },
  images: [{ name: 'busybox', kind: 'busybox', packages: [], memoryMiB: 256, cpus: 1, diskMiB: 0 }],
})
await farm.reap()
const template = await farm.template(asBooted, () => {})

const scripts = ['true', 'echo $$; exit 3', 'head -c 3000000 /dev/urandom | md5sum', 'sleep 1', 'poweroff']

const forEver = async (lane: number): Promise<void> => {
  for (let n = 0; ; n++) {
    console.log('run')
    try {
      const clone = await farm.lease({ run: `victim-${process.pid}-${lane}-${n}`, template })
      const script = scripts[(n + lane) % scripts.length] ?? 'true'
      await clone.exec({ name: 'victim', script, folder: '/', timeoutMs: 5_000 })
      await clone.release()
    } catch (error) {
      // Its QEMU was killed while it came up.
      if (!(error instanceof Fault)) throw error
    }
  }
}
await Promise.all([forEver(0), forEver(1)])
