// A wake-up that may come from many sides at any time.

/** Runs `act` as soon as it can, never twice at once, and again if woken meanwhile. Resolves when nothing is left to do. */
export const waker = (act: () => Promise<void>): (() => Promise<void>) => {
  let running: Promise<void> | undefined
  let again = false
  const loop = async () => {
    try {
      do {
        again = false
        await act()
      } while (again)
    } finally {
      running = undefined
    }
  }
  return () => {
    again = true
    running ??= loop()
    return running
  }
}
