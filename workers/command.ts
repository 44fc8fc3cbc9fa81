// Queue `command`: the commands of a mail are done, refused, or wait for their sender's word that it was him.
import { runCommands } from '../src/wiring/commands.ts'
import type { StartWorker } from '../src/wiring/queues.ts'

export const commandWorker: StartWorker = (wired, start) =>
  start('command', { atOnce: 1, keys: ['project', 'mail'] }, ({ project, mail }) =>
    runCommands(wired, project, mail),
  )
