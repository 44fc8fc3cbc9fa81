// A back-up's files, copied into the farm and compared again, so that what runs or is restored is what was read; QEMU's user may have them.
import { chmod, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../../model/fault.ts'
import { copySparse, digestOf, flush } from '../../files.ts'
import { openJail } from '../../jail.ts'
import { thisOwner, tokenOf } from '../../owner.ts'
import { requireRoom } from '../room.ts'
import { diskUsage, sizeText } from '../usage.ts'
import { type BackupPlace, roomOf } from './place.ts'
import { type Backup, content, titleOf } from './record.ts'

/** `into`: a folder of ours below the farm's `images`, `templates` or `clones`. Faults: exhausted, damaged (the farm's disk). */
export const copyBack = async (place: BackupPlace, backup: Backup, into: string): Promise<void> => {
  const { farm, signal, progress } = place
  const from = content(backup.folder)
  const bytes = await diskUsage(from)
  await requireRoom(roomOf(place, 'farm'), { what: `copying ${titleOf(backup)}`, bytes, into })
  progress(`${titleOf(backup)}: copying ${sizeText(bytes)}`)
  for (const { file, sha256 } of backup.files) {
    await copySparse(join(from, file), join(into, file), signal)
    await flush(join(into, file))
    if ((await digestOf(join(into, file), { signal })) !== sha256)
      throw new Fault('damaged', 'later', `${join(into, file)} is not what was copied to it`, {
        remedy: `check the disk of ${farm}`,
      })
  }
  if (backup.kind === 'image') return await openToAll(into)
  const owner = thisOwner(tokenOf(farm))
  const jail = await openJail({ folder: farm, owner, user: place.user, log: progress })
  await jail.seal(into)
}

/** An image is only read, by every guest's QEMU. */
const openToAll = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder)) await chmod(join(folder, name), 0o444)
  await chmod(folder, 0o755)
}
