// UEFI firmware for imported disks: this host's OVMF, copied into the image, so that its next upgrade changes no guest.
import { existsSync } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { Fault } from '../../model/fault.ts'

/** Code and the variables that belong to it. The sizes go together: a store of one size is of no use to the code of the other. */
export type Firmware = { code: string; vars: string }

/** As Debian and Ubuntu name them (package ovmf), without Secure Boot, which needs a machine of another kind. */
const pairs = [
  { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', vars: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
  { code: '/usr/share/OVMF/OVMF_CODE.fd', vars: '/usr/share/OVMF/OVMF_VARS.fd' },
]

const install = 'install OVMF: apt-get install ovmf'

/** The firmware that a disk gets: with fresh variables, or with those that it brings. Faults: unreachable (no OVMF here), refused
 *  (a file that is no variable store). */
export const findFirmware = async (ownVars?: string): Promise<Firmware> => {
  const there = pairs.filter(({ code, vars }) => existsSync(code) && existsSync(vars))
  const [newest] = there
  if (!newest)
    throw new Fault('unreachable', 'never', `UEFI guests need ${pairs[0]?.code}, which is not here`, {
      remedy: install,
    })
  if (ownVars === undefined) return newest
  const bytes = await variablesIn(ownVars)
  for (const { code, vars } of there) if ((await stat(vars)).size === bytes) return { code, vars: ownVars }
  throw refused(
    `${ownVars} has ${bytes} bytes: no OVMF here goes with it`,
    'leave --vars out: the disk then boots with fresh variables',
  )
}

const refused = (message: string, remedy: string): Fault => new Fault('refused', 'never', message, { remedy })

/** Length of a variable store. A firmware volume has its mark at byte 40 (UEFI PI specification, volume 3, EFI_FIRMWARE_VOLUME_HEADER). */
const variablesIn = async (file: string): Promise<number> => {
  const found = await stat(file).catch(() => undefined)
  if (!found?.isFile()) throw refused(`there is no file ${file}`, 'check the path of --vars')
  await using handle = await open(file)
  const { buffer } = await handle.read(Buffer.alloc(64), 0, 64, 0)
  if (buffer.subarray(40, 44).toString('latin1') === '_FVH') return found.size
  const isQcow2 = buffer.subarray(0, 4).toString('latin1') === 'QFI\xfb'
  throw refused(
    `${file} is no store of UEFI variables`,
    isQcow2
      ? `it is a qcow2: qemu-img convert -f qcow2 -O raw ${file} vars.fd`
      : 'give the file of the variables, often called …_VARS.fd, or leave --vars out',
  )
}
