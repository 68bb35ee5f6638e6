import { Hono } from 'hono'

import { RARELY_MS, taskAtInterval } from '../scheduler/periodic-task.ts'
import type { MountedSystem, System } from '../system.ts'
import { deleteExpired } from './accounts/cleanup.ts'
import { userCommand } from './accounts/grant-role.ts'
import { ACCOUNT_PATHS, accountRoutes, isOpenCall } from './accounts/routes.ts'
import { sessionAuthentication } from './accounts/session.ts'
import type { LiveContext } from './context.ts'
import { LIVE_ERRORS } from './errors.ts'
import { LIVE_SECTION, readLiveSettings } from './settings.ts'

/** Live: people and their accounts. */
export const live: System = {
  name: 'live',
  settings: LIVE_SECTION,
  errors: Object.values(LIVE_ERRORS),
  metrics: [],
  idFields: {},
  commands: [userCommand],
  async configure({ env, settings: { publicUrl } }) {
    const settings = readLiveSettings(env, publicUrl)
    return {
      workerRoles: [],
      mount: (context) => mount({ ...context, settings: { ...context.settings, live: settings } }),
    }
  },
}

function mount(context: LiveContext): MountedSystem {
  return {
    name: 'live',
    api: {
      paths: ACCOUNT_PATHS,
      authentication: sessionAuthentication(context, isOpenCall),
      routes: accountRoutes(context),
    },
    publicRoutes: unversionedRoutes(),
    callbacks: new Hono(),
    workerKinds: [],
    periodicTasks: [taskAtInterval('delete expired sessions', RARELY_MS, () => deleteExpired(context))],
    onWebhookExhausted: async () => undefined,
    readGauges: async () => [],
  }
}

/** Returns the redirects from paths without a version, which an earlier design had: `/api/auth/…`. */
function unversionedRoutes(): Hono {
  const routes = new Hono()
  for (const path of ACCOUNT_PATHS) {
    routes.all(`/api/${path}/*`, (c) => {
      const { pathname, search } = new URL(c.req.url)
      return c.redirect(`/api/v1${pathname.slice('/api'.length)}${search}`, 308)
    })
  }
  return routes
}
