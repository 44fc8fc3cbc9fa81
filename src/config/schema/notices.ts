// The part of the schema about what people hear of trouble, and when it is noticed.
import { z } from 'zod'
import { duration } from '../quantity.ts'
import { day, line, name } from './words.ts'

export const notices = z
  .strictObject({
    hold: z
      .array(z.enum(['minor', 'major']))
      .default(['major'])
      .describe(
        'Notices to lists of incidents that are so bad wait for an operator: grapevine incident confirm. Default: major.',
      ),
    every: duration(3_600_000, 30 * day)
      .prefault('24 h')
      .describe('While it lasts, there is another word after so long at the latest. Default: 24 h.'),
    gap: duration(1000, 30 * day)
      .prefault('1 h')
      .describe('At most one notice of an incident in so long. Default: 1 h.'),
    bug: z
      .strictObject({
        tracker: name().describe('One of trackers.'),
        product: line('a product').default('').describe('Of Bugzilla: the product. Default: none.'),
        component: line('a component').default('').describe('Of Bugzilla: the component. Default: none.'),
        version: line('a version').default('unspecified').describe('Default: unspecified.'),
        fields: z
          .record(z.string(), line('a value'))
          .default({})
          .describe('Further fields that the site asks for, like op_sys. Default: none.'),
      })
      .optional()
      .describe('Incidents that contributors hear of have a bug of their own. Default: they have none.'),
    announce: duration(3_600_000, 60 * day)
      .prefault('3 d')
      .describe(
        'So long before its beginning maintenance that comes again and again is announced; other maintenance is at once. Default: 3 d.',
      ),
    remind: duration(60_000, 30 * day)
      .prefault('2 h')
      .describe('So long before its beginning there is a reminder. Default: 2 h.'),
  })
  .describe('What people hear of incidents and maintenance.')

export const watch = z
  .strictObject({
    oldest: duration(60_000, 60 * day)
      .prefault('12 h')
      .describe('A series that waits for longer is an incident. Default: 12 h.'),
    stuck: duration(60_000, 60 * day)
      .prefault('30 min')
      .describe('Work waits, hosts are there, and for so long nothing moved: an incident. Default: 30 min.'),
    expires: duration(3_600_000, 365 * day)
      .prefault('14 d')
      .describe('So long before a certificate or key ends. Default: 14 d.'),
    settle: duration(1000, 7 * day)
      .optional()
      .describe(
        'So long trouble that may come back is watched after it is over, before it counts as resolved. Default: 5 to 30 min, by its kind.',
      ),
    certificates: z
      .array(line('a server').regex(/^\[?[^\s/]+\]?:\d{1,5}$/, { error: 'must be host:port' }))
      .default([])
      .describe(
        'Servers whose certificates are watched, host:port, besides those that are used. Default: none.',
      ),
  })
  .describe('When trouble is noticed.')
