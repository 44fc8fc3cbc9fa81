// The farm's promises, kept by QEMU on this host and by the farm without machines; test/farm/libvirt.test.ts does the same with libvirt.
import { fakeFarm } from '../fakes/farm.ts'
import { openFarm, qemusOf, requireImage } from '../farm/world.ts'
import { farmContract } from './farm.ts'

const token = 'test-contract'

farmContract('QEMU', async () => {
  requireImage('busybox')
  const farm = await openFarm({ token, deadlines: { silenceMs: 4_000, lingerMs: 2_000, killMs: 5_000 } })
  await farm.reap()
  return { farm, image: 'busybox', running: () => qemusOf(token), stop: async () => {} }
})

farmContract(
  'the fake farm',
  async () => {
    const farm = fakeFarm(({ script }) => ({
      ending: { kind: 'finished', exitCode: Number(/^exit (\d+)$/.exec(script)?.[1] ?? 0) },
    }))
    const running = () => Array.from({ length: farm.leased() })
    return { farm, image: 'any', running, stop: async () => {} }
  },
  {
    commands: 'what a command does is told by each test',
    bytes: 'what is read is made of all that was written',
    endings: 'how a guest ends is told by each test',
    templates: 'nothing is run in them',
  },
)
