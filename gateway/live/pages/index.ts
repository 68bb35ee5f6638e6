import { Hono } from 'hono'

import { pageErrors, pageNotFound } from './errors.tsx'
import { adminRoutes } from './admin/routes.ts'
import { archivePageRoutes } from './archive/routes.tsx'
import { clipPageRoutes } from './clip/routes.tsx'
import { channelRoutes } from './channel/routes.tsx'
import { forgotRoutes } from './forgot/routes.ts'
import { followPageRoutes } from './follow/routes.ts'
import { homeRoutes } from './home/routes.tsx'
import { limitForms } from './limit-forms.ts'
import { noticePageRoutes } from './notices/routes.tsx'
import { reportPageRoutes } from './report/routes.tsx'
import { registerRoutes } from './register/routes.ts'
import { PUSH_WORKER, pushWorkerRoutes } from './push-worker/routes.ts'
import { PUSH_SCRIPT } from './settings/push-box.tsx'
import { settingsRoutes } from './settings/routes.ts'
import { resetRoutes } from './reset/routes.ts'
import { signInRoutes } from './sign-in/routes.ts'
import { STUDIO_SCRIPT } from './studio/new-page.tsx'
import { studioRoutes } from './studio/routes.ts'
import { LISTS_SCRIPT } from './stream-card.tsx'
import { PAYMENT_SCRIPT } from './tip/payment-page.tsx'
import { tipPageRoutes } from './tip/routes.ts'
import { unsubscribeRoutes } from './unsubscribe/routes.tsx'
import { verifyEmailRoutes } from './verify-email/routes.tsx'
import type { PagesContext } from './visit.ts'
import { WATCH_SCRIPT, watchRoutes } from './watch/routes.tsx'

/** Scripts and stylesheets of the pages, as paths below `gateway/`. */
export const PAGE_SOURCES: readonly string[] = [
  WATCH_SCRIPT,
  STUDIO_SCRIPT,
  LISTS_SCRIPT,
  PAYMENT_SCRIPT,
  PUSH_SCRIPT,
  PUSH_WORKER,
  'live/pages/styles/pages.css',
  'live/pages/styles/broadcasts.css',
  'live/pages/styles/studio.css',
  'live/pages/styles/chat.css',
  'live/pages/styles/clips.css',
]

const ROUTES = [
  homeRoutes,
  signInRoutes,
  registerRoutes,
  forgotRoutes,
  resetRoutes,
  verifyEmailRoutes,
  unsubscribeRoutes,
  settingsRoutes,
  watchRoutes,
  archivePageRoutes,
  clipPageRoutes,
  studioRoutes,
  channelRoutes,
  followPageRoutes,
  noticePageRoutes,
  reportPageRoutes,
  adminRoutes,
  tipPageRoutes,
  pushWorkerRoutes,
]

/** Returns the pages of live, at the root of the site. */
export function pageRoutes(context: PagesContext): Hono {
  const pages = new Hono()
  pages.onError(pageErrors(context))
  pages.use(pageNotFound(context), limitForms(context))
  for (const routes of ROUTES) pages.route('/', routes(context))
  return pages
}
