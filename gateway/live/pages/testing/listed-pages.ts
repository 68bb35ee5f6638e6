/** The broadcasts, the recording, the clips and the user that the pages show, by their names. */
export type PageIds = ReadonlyMap<string, string>

/** A page: what it is, its path below the root, and whether it needs a session. */
export type ListedPage = readonly [name: string, path: (ids: PageIds) => string, needsSession: boolean]

/** The pages of the platform; those that need a session last. */
export const PAGES: readonly ListedPage[] = [
  ['the list of what is live', () => '', false],
  ['a search without a result', () => '?q=nothing+of+the+kind', false],
  ['sign-in', () => 'sign-in', false],
  ['registration', () => 'register', false],
  ['a broadcast that has not started', (ids) => `watch/${ids.get('ready')}`, false],
  ['a planned broadcast', (ids) => `watch/${ids.get('scheduled')}`, false],
  ['a broadcast on the air', (ids) => `watch/${ids.get('live')}`, false],
  ['a broadcast that has ended', (ids) => `watch/${ids.get('ended')}`, false],
  ['a recording', (ids) => `archives/${ids.get('archive')}`, false],
  ['a channel', () => '@anna', false],
  ['a clip', (ids) => `clips/${ids.get('clip cut')}`, false],
  ['a clip that is being cut', (ids) => `clips/${ids.get('clip waiting')}`, false],
  ['a page that does not exist', () => 'nothing/here', false],
  ['a broadcast that does not exist', () => 'watch/0', false],
  ['the list of what is live to one who follows', () => '', true],
  ['a channel that is followed', () => '@mika', true],
  ['the own clip', (ids) => `clips/${ids.get('clip cut')}`, true],
  ['the own clip that could not be cut', (ids) => `clips/${ids.get('clip damaged')}`, true],
  ['the own channel with clips', () => '@anna', true],
  ['a recording that may be clipped', (ids) => `archives/${ids.get('archive')}`, true],
  ['notices', () => 'notices', true],
  ['a tip', (ids) => `tip/${ids.get('by another')}`, true],
  [
    'a tip whose payment Stripe has not confirmed for a minute',
    (ids) => `tip/${ids.get('by another')}/${ids.get('unpaid tip')}?redirect_status=succeeded&reloads=30`,
    true,
  ],
  ['given and got tips', () => 'tips', true],
  ['the settings', () => 'settings', true],
  ['a report of a user', (ids) => `report/user/${ids.get('guest')}`, true],
  ['the reports of users', () => 'admin/reports', true],
  ['the users of the platform', () => 'admin/users', true],
  ['the audit log', () => 'admin/audit', true],
  ['the studio', () => 'studio', true],
  ['a new broadcast', () => 'studio/new', true],
  ['the studio of a broadcast that has not started', (ids) => `studio/${ids.get('ready')}`, true],
  ['the studio of a broadcast on the air', (ids) => `studio/${ids.get('live')}`, true],
  ['the studio of a broadcast that has ended', (ids) => `studio/${ids.get('ended')}`, true],
]
