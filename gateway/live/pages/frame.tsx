/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Child } from 'hono/jsx'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

import { newUuid } from '../../../shared/ids.ts'
import { PAGE_SCRIPT } from '../../web/assets.ts'
import { Avatar } from '../../web/components/art.tsx'
import { Icon, Lamp } from '../../web/components/icons.tsx'
import { layOut, type PageReload } from '../../web/layout.tsx'
import { LANGUAGES, type Language } from '../../web/messages.ts'
import { pagePolicy, paymentPolicy } from '../../web/page-policy.ts'
import { includesRole } from '../roles.ts'
import { FRAME_MESSAGES } from './messages/frame.ts'
import { Bell } from './bell.tsx'
import { signInPathOf } from './return-path.ts'
import type { Visit } from './visit.ts'

/** What a page shows that no other request gets: its language is changed by a form that sends it again. */
export type ShownOnce = {
  /** Where the form goes, from the page's URL. */
  readonly action: string
  readonly fields: Readonly<Record<string, string>>
}

/** What one page is made of. */
export type PageParts = {
  readonly title: string
  /** Leads from the page's URL to the root of the site: `.` or `..`. */
  readonly root: string
  readonly main: Child
  readonly status?: ContentfulStatusCode
  /** Sources of its own scripts. */
  readonly scripts?: readonly string[]
  /** It shows pictures of broadcasts. */
  readonly hasMedia?: boolean
  /** It has a player. */
  readonly hasPlayer?: boolean
  /** It takes a payment by Stripe's script. */
  readonly hasPayment?: boolean
  /** It may use camera, microphone and screen. */
  readonly hasCapture?: boolean
  readonly section?: 'live' | 'studio' | 'notices' | 'settings' | 'admin'
  readonly reload?: PageReload
  readonly description?: string
  /** Parameters of its address that the page in another language needs too. */
  readonly query?: Readonly<Record<string, string>>
  readonly shownOnce?: ShownOnce | undefined
}

const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { en: 'English', ja: '日本語' }

/** Answers with a page. */
export async function showPage(visit: Visit, parts: PageParts): Promise<Response> {
  const { c, language, assets } = visit
  const { title, root, main, hasPlayer = false, hasCapture = false, status = 200, scripts = [] } = parts
  // media-chrome writes its styles into the page.
  const nonce = hasPlayer ? newUuid().replaceAll('-', '') : undefined
  c.header('Content-Security-Policy', parts.hasPayment === true ? paymentPolicy() : policyOf(visit, parts, nonce))
  c.header('Permissions-Policy', capturePolicy(hasCapture))
  c.header('Cache-Control', 'no-store')
  c.header('Vary', 'Cookie, Accept-Language')
  const text = FRAME_MESSAGES[language]
  const body = (
    <>
      <a class="skip" href="#main">
        {text.skip}
      </a>
      <Bar visit={visit} root={root} section={parts.section} />
      <main id="main" tabindex={-1}>
        {main}
      </main>
      <Foot language={language} root={root} query={parts.query ?? {}} shownOnce={parts.shownOnce} />
      <p class="offline" role="alert" hidden>
        {text.offline}
      </p>
      {visit.signedIn === null ? null : (
        <p class="offline" role="alert" data-signed-out hidden>
          {text.signedOut} <a href={signInPathOf(c)}>{text.signIn}</a>
        </p>
      )}
    </>
  )
  const { reload, description } = parts
  const page = layOut({
    language,
    title,
    root,
    assets,
    scripts: [PAGE_SCRIPT, ...scripts],
    nonce,
    reload,
    description,
    body,
  })
  return c.html(page, status)
}

/** Returns the Permissions-Policy of a page: which devices it may use, and never those that it shows. */
function capturePolicy(hasCapture: boolean): string {
  return CAPTURE_FEATURES.map((feature) => `${feature}=(${hasCapture ? 'self' : ''})`).join(', ')
}

const CAPTURE_FEATURES = ['camera', 'microphone', 'display-capture']

/** Returns the policy of a page. Pictures and films may lie elsewhere: in a bucket, or at a CDN. */
function policyOf(
  { context }: Visit,
  { hasMedia = false, hasPlayer = false }: PageParts,
  nonce: string | undefined,
): string {
  const { filesUrl } = context.settings.live
  const mediaOrigin = filesUrl === null ? null : new URL(filesUrl).origin
  return pagePolicy({
    scripts: true,
    forms: true,
    media: hasMedia || hasPlayer,
    mediaOrigin: hasMedia || hasPlayer ? mediaOrigin : null,
    nonce,
  })
}

type BarParts = { readonly visit: Visit; readonly root: string; readonly section: PageParts['section'] }

function Bar({ visit, root, section }: BarParts) {
  const { language, signedIn } = visit
  const text = FRAME_MESSAGES[language]
  const current = (name: PageParts['section']) => (section === name ? 'page' : undefined)
  return (
    <header class="bar">
      <a class="brand" href={`${root}/`}>
        <Lamp />
        <span class="wide-only">Tallylight</span>
        <span class="for-readers">Tallylight</span>
      </a>
      <nav aria-label={text.site}>
        <a href={`${root}/`} aria-current={current('live')}>
          {text.live}
        </a>
        <a href={`${root}/studio`} aria-current={current('studio')}>
          {signedIn === null ? text.goLive : text.studio}
        </a>
      </nav>
      {signedIn === null ? (
        <nav aria-label={text.account}>
          <a href={`${root}/sign-in`}>{text.signIn}</a>
          <a class="wide-only" href={`${root}/register`}>
            {text.register}
          </a>
        </nav>
      ) : (
        <nav aria-label={text.account}>
          {includesRole(signedIn.user.role, 'moderator') ? (
            <a
              href={`${root}/admin/reports`}
              aria-label={text.moderation}
              title={text.moderation}
              aria-current={current('admin')}
            >
              <Icon name="shield" />
            </a>
          ) : null}
          <Bell visit={{ ...visit, signedIn }} root={root} isCurrent={section === 'notices'} />
          <a href={`${root}/@${signedIn.user.username}`} aria-label={text.yourChannel} title={text.yourChannel}>
            <Avatar name={signedIn.user.username} />
          </a>
          <a
            href={`${root}/settings`}
            aria-label={text.settings}
            title={text.settings}
            aria-current={current('settings')}
          >
            <Icon name="gear" />
          </a>
          <form method="post" action={`${root}/sign-out`}>
            <button class="link-button" type="submit" aria-label={text.signOut} title={text.signOut}>
              <Icon name="out" />
            </button>
          </form>
        </nav>
      )}
    </header>
  )
}

type FootParts = Required<Pick<PageParts, 'root' | 'query'>> &
  Pick<PageParts, 'shownOnce'> & { readonly language: Language }

function Foot({ language, root, query, shownOnce }: FootParts) {
  const text = FRAME_MESSAGES[language]
  return (
    <footer class="foot">
      <nav aria-label={text.language}>
        {LANGUAGES.map((one) =>
          shownOnce === undefined ? (
            <a
              href={`?${new URLSearchParams({ ...query, lang: one }).toString()}`}
              lang={one}
              hreflang={one}
              aria-current={one === language ? 'true' : undefined}
            >
              {LANGUAGE_NAMES[one]}
            </a>
          ) : (
            <LanguageForm one={one} isCurrent={one === language} shownOnce={shownOnce} />
          ),
        )}
      </nav>
      <nav aria-label="Tallylight">
        <a href={`${root}/docs/guides`}>{text.guides}</a>
        <a href={`${root}/docs`}>{text.api}</a>
      </nav>
    </footer>
  )
}

type LanguageFormParts = { readonly one: Language; readonly isCurrent: boolean; readonly shownOnce: ShownOnce }

/** Renders the button that shows the page in another language, with what a link would lose. */
function LanguageForm({ one, isCurrent, shownOnce: { action, fields } }: LanguageFormParts) {
  const address = `${action}${action.includes('?') ? '&' : '?'}lang=${one}`
  return (
    <form method="post" action={address}>
      {Object.entries(fields).map(([name, value]) => (
        <input type="hidden" name={name} value={value} autocomplete="off" />
      ))}
      <button type="submit" lang={one} aria-current={isCurrent ? 'true' : undefined}>
        {LANGUAGE_NAMES[one]}
      </button>
    </form>
  )
}
