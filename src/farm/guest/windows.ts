// Windows guests: by the agent alone.
import { speakByAgent } from './agent-speech.ts'
import { windowsByAgent } from './by-agent/windows.ts'
import type { GuestSystem } from './speech.ts'

export const windows: GuestSystem = {
  os: 'windows',
  plumbing: 'none',
  speakTo: listener => speakByAgent(windowsByAgent, listener),
}
