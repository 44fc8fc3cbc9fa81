// Clones made ahead: paused until they are leased, each with a clock, a name and random numbers of its own, and gone when the farm is.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Farm } from '../../src/ports/farm.ts'
import { newFolder, openFarm, plain, qemusOf, requireImage, say, silent } from './world.ts'

requireImage('busybox')

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 20))
}

const withPool = async (
  token: string,
  act: (farm: Farm, template: string, folder: string) => Promise<void>,
): Promise<void> => {
  const { folder, remove } = newFolder('lent')
  const farm = await openFarm({ token, folder, slots: 2, pool: 1 })
  try {
    await act(farm, await farm.template(plain('busybox'), silent), folder)
  } finally {
    await farm.close()
    remove()
  }
}

test('a leased template has a clone kept ready, and a lease takes it', async () => {
  await withPool('test-pool', async (farm, template, folder) => {
    const first = await farm.lease({ run: 'first', template })
    const mine = qemusOf('test-pool')
    await until(() => qemusOf('test-pool').length === 2)
    const ahead = qemusOf('test-pool').filter(pid => !mine.includes(pid))
    const second = await farm.lease({ run: 'second', template })
    // Both slots are taken: nobody could lease a third, so none is made.
    expect(qemusOf('test-pool').sort()).toEqual([...mine, ...ahead].sort())

    const facts = 'cat /proc/sys/kernel/hostname; head -c 16 /dev/urandom | md5sum; date +%s'
    const [a, b] = [await say(first, facts), await say(second, facts)].map(text => text.split('\n'))
    expect(a?.[0]).not.toBe(b?.[0])
    expect(a?.[1]).not.toBe(b?.[1])
    for (const seen of [a, b]) expect(Math.abs(Number(seen?.[2]) - Date.now() / 1000)).toBeLessThan(60)

    await first.release()
    await second.release()
    await farm.close()
    expect(qemusOf('test-pool')).toEqual([])
    expect(readdirSync(join(folder, 'clones'))).toEqual([])
  })
})

test('one that died while it waited is not given out', async () => {
  await withPool('test-pool-dead', async (farm, template) => {
    const first = await farm.lease({ run: 'first', template })
    const [mine] = qemusOf('test-pool-dead')
    await until(() => qemusOf('test-pool-dead').length === 2)
    for (const pid of qemusOf('test-pool-dead')) if (pid !== mine) process.kill(pid, 'SIGKILL')
    const second = await farm.lease({ run: 'second', template })
    expect(await say(second, 'echo alive')).toBe('alive')
    await first.release()
    await second.release()
  })
})
