// A farm on a small file system that gets full in the middle of a freeze: what comes of it, as JSON. Run by save.test.ts.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, statfsSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { Fault } from '../../src/model/fault.ts'
import { command, images, openFarm, plain, qemusOf, sharedFolder, silent } from './world.ts'

const [, , folder = '', token = ''] = process.argv
mkdirSync(join(folder, 'clones'))
symlinkSync(join(sharedFolder, 'images'), join(folder, 'images'))
const small = images.map(image => ({ ...image, memoryMiB: 128 }))
const farm = await openFarm({ token, folder, images: small, accelerator: 'tcg', reserveMiB: 0 })
const filling = join(folder, 'filling')
let filled = false

const fill = async () => {
  const { bavail, bsize } = statfsSync(folder)
  execFileSync('fallocate', ['-l', `${bavail * bsize - (1 << 20)}`, filling])
  filled = true
  return { size: 1, stream: Readable.from([Buffer.from('x')]) }
}

try {
  await farm.template(
    {
      ...plain('busybox'),
      // Comes into the running guest: by then the farm has seen that there is room.
      files: [{ path: '/srv/x', untar: false, bytes: fill }],
      prepare: [command('dd if=/dev/urandom of=/srv/much bs=1M count=40')],
    },
    silent,
  )
  process.stdout.write('{"kind":"frozen"}')
} catch (error) {
  const { kind, retry, message } =
    error instanceof Fault ? error : { kind: 'no Fault', retry: '', message: `${error}` }
  // The image's own template was made before.
  const templates = readdirSync(join(folder, 'templates')).filter(name => !/^[0-9a-f]{32}$/.test(name))
  const clones = readdirSync(join(folder, 'clones'))
  const left = { templates, clones, qemus: qemusOf(token) }
  process.stdout.write(JSON.stringify({ kind, retry, message, filled, ...left }))
} finally {
  rmSync(filling, { force: true })
  await farm.close()
}
