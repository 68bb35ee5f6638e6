import { Hono } from 'hono'

import { withMemoryCache } from '../media/memory-cache.ts'
import { microBatch } from '../database/micro-batch.ts'
import { OFTEN_MS, RARELY_MS, taskAtInterval, type PeriodicTask } from '../scheduler/periodic-task.ts'
import { pathPrefixOf } from '../settings/read-settings.ts'
import { readStoreSettings } from '../settings/stores.ts'
import type { MountedSystem, System } from '../system.ts'
import { deleteExpired } from './accounts/cleanup.ts'
import { userCommand } from './accounts/grant-role.ts'
import { accountMails } from './accounts/mails/compose-mail.ts'
import { ACCOUNT_PATHS, accountRoutes, isOpenCall } from './accounts/routes.ts'
import { createSessionWatch } from './accounts/session-watch.ts'
import { sessionAuthentication } from './accounts/session.ts'
import { archiveCallbacks } from './archives/callbacks.ts'
import { archiveRole } from './archives/pod.ts'
import { archiveRoutes } from './archives/routes.ts'
import { clipCallbacks } from './clips/callbacks.ts'
import { clipRole } from './clips/pod.ts'
import { clipRoutes } from './clips/routes.ts'
import { startClips } from './clips/start-clips.ts'
import { createBroadcastClock } from './broadcasts/follow-broadcasts.ts'
import { createFollowedStreams } from './broadcasts/followed-streams.ts'
import { broadcastRoutes } from './broadcasts/routes.ts'
import { targetRoutes } from './broadcasts/target-routes.ts'
import { deleteUnkeptEntries } from './chat/delete-unkept-entries.ts'
import { moderationRoutes } from './chat/moderation/routes.ts'
import { createMessageWriter } from './chat/post-messages.ts'
import { createChatReading } from './chat/read-chat.ts'
import { createChatRooms } from './chat/rooms.ts'
import { chatRoutes } from './chat/routes.ts'
import { FAULT_LANE_PREFIX } from './faults/enqueue-faults.ts'
import { createFollowerCounts, createSharedFollowerCounts, type CountFollowers } from './follows/follower-counts.ts'
import { followRoutes } from './follows/routes.ts'
import { findStreams, STREAMS_ARE_OPEN } from './store/streams.ts'
import { chooseStorage } from './choose-storage.ts'
import type { LiveContext } from './context.ts'
import { LIVE_ERRORS } from './errors.ts'
import { PAGE_SOURCES, pageRoutes } from './pages/index.ts'
import { INGEST_BODIES, ingestCallbacks } from './ingest/callbacks.ts'
import { ensureIngest } from './ingest/ensure-ingest.ts'
import { INGEST_KIND, ingestIds, ingestRole } from './ingest/pod.ts'
import { BROADCAST_BODIES, broadcastCallbacks } from './packaging/callbacks.ts'
import { broadcastRole } from './packaging/pod.ts'
import { LIVE_PATH } from './playback/addresses.ts'
import { PLATFORM_PATHS, platformRoutes } from './moderation/routes.ts'
import { mountNotices } from './notices/mount-notices.ts'
import { PUSH_METRICS } from './notices/push/metrics.ts'
import { createAccessChecks, type AccessChecks } from './playback/access-checks.ts'
import { createPartCache } from './playback/part-cache.ts'
import { createUnplayedLimit } from './playback/limit-unplayed.ts'
import { createPlaylistCache } from './playback/playlist-cache.ts'
import { playbackRoutes } from './playback/routes.ts'
import { CLIP_FOLDER } from './rules/clip-files.ts'
import { retainFiles } from './retention/retain-files.ts'
import { scheduleRoutes } from './schedule/routes.ts'
import { ensureStorageWorker } from './storage/ensure-storage-worker.ts'
import { storageCallbacks } from './storage/callbacks.ts'
import { storageRole } from './storage/pod.ts'
import { CLIPS_ARE_UNFINISHED } from './store/clips.ts'
import { STORAGE_DUE_IN_MS } from './store/storage-tasks.ts'
import { countViewers, recordViewerMinutes, VIEWERS_COUNT } from './store/viewers.ts'
import { MONITORS_DIFFER } from './store/watched-streams.ts'
import { workersDiffer } from '../workers/store/assignments.ts'
import { createViewerLeases, type ViewerLeases } from './playback/viewer-leases.ts'
import { createPlayedStreams } from './playback/windows.ts'
import { LIVE_SECTION, readLiveSettings, type LiveSettings } from './settings.ts'
import { mountTips } from './tips/mount-tips.ts'
import type { Payments } from './tips/payments.ts'
import { TIP_PATHS } from './tips/routes.ts'
import { topicOf } from './topic.ts'
import { workerKinds } from './worker-kinds.ts'
import { watchdogRoutes } from './watchdog/routes.ts'
import { watchBroadcasts } from './watchdog/watch-broadcasts.ts'
import { WHIP_CALLS, whipRoutes } from './whip/routes.ts'

/** Live: people, their accounts and their broadcasts. */
export const live: System = {
  name: 'live',
  settings: LIVE_SECTION,
  errors: Object.values(LIVE_ERRORS),
  metrics: PUSH_METRICS,
  pageSources: PAGE_SOURCES,
  idFields: {
    live: { bare: 'stream_id' },
    ingest: 'ingest_id',
    archive: { bare: 'archive_id' },
    clip: { bare: 'clip_id' },
    storage: 'storage_id',
    [FAULT_LANE_PREFIX]: { bare: 'user_id' },
  },
  commands: [userCommand],
  async configure({ env, settings: kernel, ...surroundings }) {
    const { url } = surroundings
    const stores = readStoreSettings(env, { ...surroundings, runsPods: kernel.cluster !== null })
    const { publicUrl, workerEnv } = kernel
    // All workers of a machine end with its gateway. In a cluster, an ingest worker has a Pod of its own.
    const journalDir = kernel.cluster === null ? surroundings.toAbsolute(`${surroundings.dataDir}/ingest`) : null
    const settings = readLiveSettings(env, { publicUrl, stores, workerEnv, journalDir })
    return {
      workerRoles: [ingestRole(), broadcastRole(settings), archiveRole(), clipRole(), storageRole()],
      ...(settings.ingestWorkers === 0
        ? {}
        : { welcome: { label: 'Live', text: describeFirstBroadcast(url, settings) } }),
      mount: (context) => mount({ ...context, settings: { ...context.settings, live: settings } }),
    }
  },
}

/** Returns in one line how to go live. An ingest whose port is taken has another one, which the studio shows. */
function describeFirstBroadcast(url: string, { rtmpUrl, rtmpPort }: LiveSettings): string {
  const address = rtmpUrl ?? `rtmp://${new URL(url).hostname}:${rtmpPort}/live`
  return `register at ${url}/register, create a broadcast in the studio (${url}/studio), and publish to ${address}`
}

/** Broadcasts that one statement reads for those who follow them. */
const STREAMS_AT_A_TIME = 500

/** The first segments of the paths of live below `/api/v1`. */
const PATHS = [
  ...ACCOUNT_PATHS,
  ...TIP_PATHS,
  ...PLATFORM_PATHS,
  'streams',
  'archives',
  'clips',
  'blocks',
  'follows',
  'notifications',
]

/** Calls beside those of accounts that need no session. */
const OPEN_CALLS = [
  /^(?:GET|HEAD) \/api\/v1\/(?:streams|archives)(?:\/[^/]+(?:\/(?:events|messages|room|chat|chat\/events|chapters\.vtt))?)?\/?$/,
  /^(?:GET|HEAD) \/api\/v1\/clips(?:\/[^/]+)?\/?$/,
  WHIP_CALLS,
]

/** Calls that pages make for each visitor, and chat messages, whose writers are limited one by one. */
const FREQUENT_CALLS = [...OPEN_CALLS, /^POST \/api\/v1\/streams\/[^/]+\/messages\/?$/]

const isAmong = (calls: readonly RegExp[], { method, path }: { readonly method: string; readonly path: string }) =>
  calls.some((call) => call.test(`${method} ${path}`))

function mount(context: LiveContext): MountedSystem {
  const { db, notifier, log } = context
  const leases = createViewerLeases(context)
  const tips = mountTips(context)
  const sessions = createSessionWatch(context)
  const notices = mountNotices(context, sessions)
  const followed = createFollowedStreams({
    readStream: microBatch(STREAMS_AT_A_TIME, (ids: readonly string[]) => findStreams(db, ids)),
    notifier,
    log,
  })
  const checks = createAccessChecks(db)
  const rooms = createChatRooms(context, { followed, checks, sessions })
  const countFollowers = createFollowerCounts(db)
  const shared = { leases, followed, checks, sessions, countFollowers: createSharedFollowerCounts(countFollowers) }
  const reading = { readChat: createChatReading(rooms), readUnread: notices.readUnread }
  const chat = { context, rooms, writer: createMessageWriter(context) }
  return {
    name: 'live',
    api: {
      paths: PATHS,
      authentication: sessionAuthentication(context, {
        isOpen: (c) => isOpenCall(c) || isAmong(OPEN_CALLS, c.req),
        // A search reads all broadcasts.
        isFrequent: (c) => isAmong(FREQUENT_CALLS, c.req) && !c.req.query('q'),
      }),
      routes: new Hono()
        .route('/', accountRoutes(context))
        .route('/', broadcastRoutes({ context, ...shared, ...reading }))
        .route('/', chatRoutes(context, chat))
        .route('/', moderationRoutes(context))
        .route('/', platformRoutes(context))
        .route('/', followRoutes(context))
        .route('/', scheduleRoutes(context))
        .route('/', notices.api)
        .route('/', targetRoutes(context))
        .route('/', archiveRoutes(context))
        .route('/', clipRoutes(context))
        .route('/', whipRoutes(context))
        .route('/', tips.api),
    },
    ...mountPages(context, countFollowers, tips.payments),
    mediaPaths: [`${LIVE_PATH}/`],
    publicRoutes: new Hono()
      .route('/', unversionedRoutes(context))
      .route('/', watchdogRoutes(context))
      .route('/', tips.events)
      .route('/', viewerRoutes(context, checks, leases)),
    callbacks: callbackRoutes(context),
    callbackBodies: [...INGEST_BODIES, ...BROADCAST_BODIES],
    workerKinds: workerKinds(context),
    periodicTasks: [...periodicTasks(context, leases), ...notices.tasks, ...tips.tasks],
    mails: new Map([...accountMails(context), ...notices.mails]),
    deliveries: notices.deliveries,
    onWebhookExhausted: async () => undefined,
    readGauges: async () => [],
  }
}

/** Returns the routes of players. */
function viewerRoutes(context: LiveContext, checks: AccessChecks, leases: ViewerLeases): Hono {
  let isClosing = false
  context.streams.untilClosing(() => (isClosing = true))
  const played = createPlayedStreams(context, createPartCache())
  return playbackRoutes({
    context,
    checks,
    leases,
    played,
    limitUnplayed: createUnplayedLimit(context, played),
    playlists: createPlaylistCache(),
    isClosing: () => isClosing,
    files: openFiles(context),
  })
}

function callbackRoutes(context: LiveContext): Hono {
  return new Hono()
    .route('/', ingestCallbacks(context))
    .route('/', broadcastCallbacks(context))
    .route('/', archiveCallbacks(context))
    .route('/', clipCallbacks(context))
    .route('/', storageCallbacks(context))
}

/** Returns the pages, where this runtime has files. */
function mountPages(
  context: LiveContext,
  countFollowers: CountFollowers,
  payments: Payments | null,
): Pick<MountedSystem, 'pages'> {
  const { loadPageAssets } = context
  if (loadPageAssets === null) return {}
  return { pages: pageRoutes({ ...context, loadPageAssets, countFollowers, payments }) }
}

/** Returns the files of broadcasts where they lie in a folder of this machine; players read them elsewhere otherwise. */
function openFiles({ settings, openFolder }: LiveContext) {
  const { storageDir } = settings.live.stores
  if (chooseStorage(settings.live.stores) !== 'local' || storageDir === null) return null
  const folder = openFolder?.(storageDir) ?? null
  if (folder === null) return null
  const cached = withMemoryCache(folder)
  // Clips are deleted one by one: none of them is read from memory after that.
  return { open: (names: readonly string[]) => (names.at(-2) === CLIP_FOLDER ? folder : cached).open(names) }
}

function periodicTasks(context: LiveContext, leases: ViewerLeases): PeriodicTask[] {
  const ingestDiffers = workersDiffer(INGEST_KIND, ingestIds(context.settings.live))
  return [
    taskAtInterval('delete expired sessions', RARELY_MS, () => deleteExpired(context)),
    taskAtInterval('run the ingest', OFTEN_MS, () => ensureIngest(context), ingestDiffers),
    taskAtInterval('follow broadcasts', OFTEN_MS, createBroadcastClock(context), STREAMS_ARE_OPEN),
    taskAtInterval('cut clips', OFTEN_MS, () => startClips(context), CLIPS_ARE_UNFINISHED),
    taskAtInterval('retain stored files', RARELY_MS, () => retainFiles(context)),
    taskAtInterval('remove and move stored files', OFTEN_MS, () => ensureStorageWorker(context), STORAGE_DUE_IN_MS),
    taskAtInterval('delete old chat messages', RARELY_MS, () => deleteUnkeptEntries(context)),
    taskAtInterval('watch broadcasts', OFTEN_MS, () => watchBroadcasts(context), MONITORS_DIFFER),
    // Also without broadcasts on the air: what is remembered of players is forgotten by it.
    taskAtInterval('renew viewers', OFTEN_MS, () => leases.flush()),
    taskAtInterval('count viewers', OFTEN_MS, () => countAllViewers(context, leases), VIEWERS_COUNT),
  ]
}

async function countAllViewers({ db, notifier }: LiveContext, leases: ViewerLeases): Promise<void> {
  await leases.flush()
  for (const streamId of await countViewers(db)) notifier.notify(topicOf(streamId))
  await recordViewerMinutes(db)
}

/** Returns the redirects from paths without a version, which an earlier design had: `/api/auth/…`. */
function unversionedRoutes({ settings }: LiveContext): Hono {
  const routes = new Hono()
  for (const path of PATHS) {
    routes.all(`/api/${path}/*`, (c) => {
      const { pathname, search } = new URL(c.req.url)
      return c.redirect(`${pathPrefixOf(settings)}/api/v1${pathname.slice('/api'.length)}${search}`, 308)
    })
  }
  return routes
}
