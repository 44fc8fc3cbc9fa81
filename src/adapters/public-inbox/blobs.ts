// Reads blobs out of a git repository, one after another, by one `git cat-file --batch`. Used by source.ts.
import { Fault } from '../../model/fault.ts'
import { startGit, type View } from './view.ts'

/** A mail's bytes past this many are left out: nobody sends such a patch, and memory is bounded. */
export const largestMail = 64 * 1024 * 1024

export class BlobReader {
  readonly #git: ReturnType<typeof startGit>
  readonly #chunks: AsyncIterator<Buffer>
  #held: Buffer = Buffer.alloc(0)

  constructor(view: View) {
    this.#git = startGit(view, ['cat-file', '--batch'])
    this.#chunks = this.#git.child.stdout[Symbol.asyncIterator]()
  }

  /** The bytes of a blob. Fault malformed: it is not there. */
  async read(blob: string): Promise<Buffer> {
    this.#git.child.stdin.write(`${blob}\n`)
    const head = await this.#line()
    const [, type, size] = head.split(' ')
    if (type !== 'blob' || size === undefined)
      throw new Fault('malformed', 'later', `object ${blob}: git says "${head}"`, {
        remedy: 'the archive is not whole: fetch it again, or look with git fsck',
      })
    const bytes = await this.#take(Number(size))
    await this.#take(1)
    return bytes
  }

  close(): void {
    this.#git.child.kill()
  }

  async #more(): Promise<Buffer> {
    const next = await this.#chunks.next()
    if (!next.done) return next.value
    await this.#git.ended
    throw new Fault('malformed', 'later', 'git cat-file ended early')
  }

  async #line(): Promise<string> {
    while (!this.#held.includes(0x0a)) this.#held = Buffer.concat([this.#held, await this.#more()])
    const end = this.#held.indexOf(0x0a)
    const line = this.#held.toString('latin1', 0, end)
    this.#held = this.#held.subarray(end + 1)
    return line
  }

  /** The next `count` bytes, or the first of them; what is too much is read and let go. */
  async #take(count: number): Promise<Buffer> {
    const parts: Buffer[] = []
    let taken = 0
    while (taken < count) {
      if (this.#held.length === 0) this.#held = await this.#more()
      const part = this.#held.subarray(0, count - taken)
      if (taken < largestMail) parts.push(part.subarray(0, largestMail - taken))
      taken += part.length
      this.#held = this.#held.subarray(part.length)
    }
    return Buffer.concat(parts)
  }
}
