// What a guest's kernel says on its console when the disk that it lives on is bad: its file system is then half there, and no test tells anything.
import { guestSaysOfDisk } from '../model/run.ts'
import type { Fate } from './machine.ts'

/** Of Linux: ext4, XFS, btrfs, and the block layer; only of whole disks that we gave it, not of what a test makes for itself (loop, dm). */
const words = [
  /EXT4-fs error \(device [sv]d[a-z]\d*\)/,
  /EXT4-fs \([sv]d[a-z]\d*\): Remounting filesystem read-only/,
  /XFS \([sv]d[a-z]\d*\): (Corruption|Metadata corruption|Internal error|Filesystem has been shut down)/,
  /BTRFS (error|critical) \(device [sv]d[a-z]\d*/,
  /I\/O error, dev [sv]d[a-z]\d*,? /,
  /Buffer I\/O error on dev(ice)? [sv]d[a-z]\d*/,
]

/** The first such line; undefined if there is none. A guest's program may print it as well: then its run is tried again, and counts for nobody. */
export const diskErrorIn = (console: Buffer): Extract<Fate, { kind: 'disk-error' }> | undefined => {
  const text = console.toString('latin1')
  const found = words.map(word => text.search(word)).filter(at => at >= 0)
  if (found.length === 0) return undefined
  const at = Math.min(...found)
  const line = text.slice(text.lastIndexOf('\n', at) + 1, at + 200).split(/[\r\n]/, 1)[0]
  return { kind: 'disk-error', detail: `${guestSaysOfDisk}${line?.trim()}` }
}
