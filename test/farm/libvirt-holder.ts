// A process that holds a domain until it is killed; run by libvirt.test.ts.
import { createLibvirtFarm } from '../../src/farm/libvirt/farm.ts'

const [token = '', folder = '', image = ''] = process.argv.slice(2)
const farm = await createLibvirtFarm({ token, folder, images: [JSON.parse(image)] })
const plain = { label: 'as it is', image: 'virt', content: '', files: [], prepare: [] }
const template = await farm.template(plain, () => {})
await farm.lease({ run: 'held', template })
process.stdout.write('held\n')
setInterval(() => {}, 60_000)
