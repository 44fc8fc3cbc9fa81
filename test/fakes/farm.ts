// A farm without machines: what a command prints and how it ends is told by a script. Keeps count, so that nothing can stay leased.
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Ending } from '../../src/model/run.ts'
import type { Clone, Command, Farm } from '../../src/ports/farm.ts'
import { mailFolder } from '../../src/stages/run/guest.ts'

export type Said = { ending: Ending; output?: string }

/** `image` of the clone's template, everything that was written into it, by path, and what stops the command. */
export type Behaviour = (
  command: Command,
  guest: { image: string; files: Map<string, Buffer>; run: string; signal: AbortSignal | undefined },
) => Said | Promise<Said>

export type FakeFarm = Farm & {
  /** Clones that are leased now. */
  leased(): number
  /** All leases so far. */
  leases(): number
}

const well: Said = { ending: { kind: 'finished', exitCode: 0 } }

export const fakeFarm = (behave: Behaviour = () => well): FakeFarm => {
  const live = new Set<symbol>()
  let count = 0
  const images = new Map<string, string>()
  return {
    async template(spec) {
      const id = `${spec.image} ${spec.content}`
      images.set(id, spec.image)
      return id
    },
    async lease({ run, template, signal: stop }) {
      stop?.throwIfAborted()
      const me = Symbol(run)
      live.add(me)
      count++
      const files = new Map<string, Buffer>()
      /** A series that is taken back is in the tree no more. */
      const asGit = (script: string): void => {
        if (script.startsWith('git reset -q --hard "$(cat')) files.delete(mailFolder)
      }
      const clone: Clone = {
        run,
        async exec(command, options) {
          if (options?.signal?.aborted) return { kind: 'cancelled' }
          const { signal } = options ?? {}
          asGit(command.script)
          const said = await behave(command, { image: images.get(template) ?? '', files, run, signal })
          options?.onOutput?.(Buffer.from(said.output ?? ''))
          return said.ending
        },
        async write(path, { stream }) {
          files.set(path, await buffer(stream))
        },
        // What was built holds everything that went into it.
        async read(path, { tar } = {}) {
          const file = tar === undefined ? files.get(path) : undefined
          if (file) return Readable.from([file])
          return Readable.from([Buffer.concat([Buffer.from('built of '), ...files.values()])])
        },
        evidence: async () => ({ console: Buffer.from(`console of ${run}`) }),
        async release() {
          live.delete(me)
        },
      }
      return clone
    },
    async reap() {
      const left = live.size
      live.clear()
      return left
    },
    close: async () => {},
    leased: () => live.size,
    leases: () => count,
  }
}
