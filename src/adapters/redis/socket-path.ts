// Where the embedded Redis listens. A unix socket's path holds 107 bytes (unix(7)); long data folders get a short way in.
import { lstatSync, readlinkSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Fault } from '../../model/fault.ts'
import { sha256 } from '../../text/digest.ts'

const limit = 100

/** The link must be ours: in a folder for everybody, somebody else could lead us to a server of theirs. */
const isOurs = (link: string, folder: string): boolean => {
  const { uid } = lstatSync(link)
  return uid === process.getuid?.() && readlinkSync(link) === folder
}

/** The path of the socket in `folder` (absolute). For a long one a symbolic link in the folder for temporary files leads
 *  there. Fault refused/never if that is too long as well, or the link is not ours. */
export const socketPath = (folder: string, temporary: string = tmpdir()): string => {
  const direct = path.join(folder, 'redis.sock')
  if (Buffer.byteLength(direct) <= limit) return direct
  const link = path.join(temporary, `grapevine-${sha256(folder).slice(0, 12)}`)
  const remedy = 'choose a data folder with a shorter path'
  if (Buffer.byteLength(link) + 11 > limit) {
    throw new Fault('refused', 'never', `the path of ${direct} is too long for a socket`, { remedy })
  }
  try {
    symlinkSync(folder, link)
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST' && isOurs(link, folder))) {
      throw new Fault(
        'refused',
        'never',
        `the path of ${direct} is too long for a socket, and ${link} is taken`,
        {
          cause,
          remedy,
        },
      )
    }
  }
  return path.join(link, 'redis.sock')
}
