import { Command } from 'commander'
import type { CliDeps } from './deps.ts'
export const doctor = (_deps: CliDeps): Command => new Command('doctor')
