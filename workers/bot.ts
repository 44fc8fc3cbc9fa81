// The queues that the bot itself works on; `run` belongs to the hosts.
import type { StartWorker } from '../src/wiring/queues.ts'
import { assembleWorker } from './assemble.ts'
import { commandWorker } from './command.ts'
import { judgeWorker } from './judge.ts'
import { planWorker } from './plan.ts'
import { replyWorker } from './reply.ts'

export const botWorkers: StartWorker[] = [assembleWorker, commandWorker, planWorker, judgeWorker, replyWorker]
