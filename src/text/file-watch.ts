// Watches folders for whoever reads mail from files. Here, as no adapter may import another.
import { watch } from 'node:fs'

const pollMs = 10_000

/**
 * Calls `wake` when something in the folder changes; only for the file `only` in it, if given. Where no watch is to be had (the limit of
 * inotify watches, a network file system), now and then. Returns how to stop.
 */
export const watchFolder = (path: string, wake: () => void, only?: string): (() => void) => {
  const poll = () => {
    const timer = setInterval(wake, pollMs).unref()
    return () => clearInterval(timer)
  }
  try {
    const watcher = watch(path, { persistent: false }, (_event, file) => {
      if (only === undefined || file === null || file === only) wake()
    })
    let stop = () => watcher.close()
    watcher.on('error', () => {
      watcher.close()
      stop = poll()
    })
    return () => stop()
  } catch {
    return poll()
  }
}
