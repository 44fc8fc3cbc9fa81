// Disks that boot by themselves, as somebody else might have made them: the busybox guest's kernel and memory file system on a FAT volume.
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Image, imageFile, loadImage } from '../../src/farm/image/manifest.ts'
import { sharedFolder } from './world.ts'

const sectors = 48 * 2048
const env = { ...process.env, MTOOLS_SKIP_CHECK: '1' }
const run = (command: string, ...args: string[]) => execFileSync(command, args, { env, stdio: 'pipe' })

const filesOf = ({ files: { kernel, initrd }, ...image }: Image) => {
  if (!kernel || !initrd) throw new Error('the busybox image has no kernel')
  const all = { ...image, files: {} }
  return { kernel: imageFile(all, kernel), initrd: imageFile(all, initrd) }
}

/** A partition table with one active FAT partition, and SYSLINUX: what a BIOS boots. Raw. */
export const makeBiosDisk = async (file: string): Promise<void> => {
  const image = await loadImage(sharedFolder, 'busybox')
  const { kernel, initrd } = filesOf(image)
  const first = 2048
  writeFileSync(file, '')
  truncateSync(file, sectors * 512)
  const record = Buffer.alloc(512)
  readFileSync('/usr/lib/syslinux/mbr/mbr.bin').copy(record)
  record.set([0x80, 0xfe, 0xff, 0xff, 0x0c, 0xfe, 0xff, 0xff], 446)
  record.writeUInt32LE(first, 454)
  record.writeUInt32LE(sectors - first, 458)
  record.writeUInt16LE(0xaa55, 510)
  write(file, record)
  const volume = `${file}@@${first * 512}`
  run('mformat', '-i', volume, '-H', `${first}`, '-T', `${sectors - first}`, '-h', '64', '-s', '32', '::')
  run('syslinux', '--offset', `${first * 512}`, '--install', file)
  const config = join(dirname(file), 'syslinux.cfg')
  writeFileSync(
    config,
    `DEFAULT guest\nLABEL guest\nKERNEL vmlinuz\nINITRD initrd.img\nAPPEND ${image.append}\n`,
  )
  run('mcopy', '-i', volume, config, '::/syslinux.cfg')
  run('mcopy', '-i', volume, kernel, '::/vmlinuz')
  run('mcopy', '-i', volume, initrd, '::/initrd.img')
}

/** A FAT volume with a script for the UEFI shell, which starts the kernel as the UEFI program that it is. A qcow2. */
export const makeUefiDisk = async (file: string): Promise<void> => {
  const image = await loadImage(sharedFolder, 'busybox')
  const { kernel, initrd } = filesOf(image)
  const [raw, script] = [`${file}.raw`, join(dirname(file), 'startup.nsh')]
  writeFileSync(raw, '')
  truncateSync(raw, sectors * 512)
  writeFileSync(script, `\\vmlinuz.efi initrd=\\initrd.img ${image.append}\r\n`)
  run('mformat', '-i', raw, '-T', `${sectors}`, '-h', '64', '-s', '32', '::')
  run('mcopy', '-i', raw, script, '::/startup.nsh')
  run('mcopy', '-i', raw, kernel, '::/vmlinuz.efi')
  run('mcopy', '-i', raw, initrd, '::/initrd.img')
  run('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', raw, file)
}

/** Changes bytes of a file where they are. */
export const write = (file: string, bytes: Uint8Array | number[], at = 0): void => {
  const handle = openSync(file, 'r+')
  writeSync(handle, Buffer.from(bytes), 0, bytes.length, at)
  closeSync(handle)
}
