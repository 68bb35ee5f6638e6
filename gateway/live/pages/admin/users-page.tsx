/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Avatar } from '../../../web/components/art.tsx'
import { CopyText, Note } from '../../../web/components/forms.tsx'
import { listUsers } from '../../moderation/moderate-users.ts'
import type { ModeratedUser } from '../../moderation/present.ts'
import { includesRole, ROLES } from '../../roles.ts'
import type { ShownOnce } from '../frame.tsx'
import { FreshArea, showPart } from '../fresh-area.tsx'
import { cursorQuery } from '../list-turn.tsx'
import { MODERATION_MESSAGES } from '../messages/moderation.ts'
import { Moment } from '../moment.tsx'
import { RowForm } from '../row-form.tsx'
import type { UserVisit } from '../visit.ts'
import { ADMIN_ROOT, LIST_PART, OlderLink, ReasonForm, showAdminPage } from './admin-frame.tsx'

const SHOWN = 30

/** What has become of a form of the page. */
type UsersOutcome = { readonly problem?: string; readonly invitation?: string }

/** Shows the users whose names begin with what is looked for. */
export async function showUsers(visit: UserVisit, { problem, invitation }: UsersOutcome = {}): Promise<Response> {
  const { c, context, language } = visit
  const text = MODERATION_MESSAGES[language]
  const q = (c.req.query('q') ?? '').replaceAll(/[^\w-]/g, '').slice(0, 50)
  const wanted = { q, role: undefined, suspended: undefined, cursor: c.req.query('cursor'), limit: SHOWN }
  const { users, next_cursor: cursor } = await listUsers(context, wanted)
  const list = (
    <>
      {users.length === 0 ? <p class="muted">{text.noUsers}</p> : null}
      <ul class="notices">
        {users.map((user) => (
          <UserRow user={user} visit={visit} />
        ))}
      </ul>
      <OlderLink visit={visit} cursor={cursor} query={{ q }} />
    </>
  )
  if (c.req.query('part') === LIST_PART) return showPart(c, list)
  const query = { q, ...cursorQuery(c) }
  const main = (
    <>
      {invitation === undefined ? null : <InvitationNote visit={visit} invitation={invitation} />}
      <form class="search" method="get" role="search">
        <label class="for-readers" for="q">
          {text.findUser}
        </label>
        <input id="q" name="q" type="search" value={q} placeholder={text.findHint} maxlength={50} />
        <button class="button" type="submit">
          {text.find}
        </button>
      </form>
      <FreshArea part={LIST_PART} query={query} class="stack">
        {list}
      </FreshArea>
      {includesRole(visit.signedIn.user.role, 'admin') ? (
        <form method="post">
          <input type="hidden" name="form" value="invite" />
          <button class="button" type="submit">
            {text.invite}
          </button>
        </form>
      ) : null}
    </>
  )
  const shownOnce = invitation === undefined ? undefined : shownInvitationOf(invitation, query)
  return showAdminPage(visit, { section: 'users', main, problem, query, shownOnce, status: problem ? 400 : 200 })
}

/** Returns the form that shows an invitation again. */
function shownInvitationOf(invitation: string, query: Readonly<Record<string, string>>): ShownOnce {
  const action = `users?${new URLSearchParams(query).toString()}`
  return { action, fields: { form: 'shown-invitation', invitation } }
}

function InvitationNote({ visit, invitation }: { readonly visit: UserVisit; readonly invitation: string }) {
  const text = MODERATION_MESSAGES[visit.language]
  const { publicUrl } = visit.context.settings
  const link = `${publicUrl ?? new URL(visit.c.req.url).origin}/register?invitation=${invitation}`
  return (
    <Note kind="fine" title={text.inviteTitle}>
      {text.inviteText}
      <CopyText text={link} label={text.copy} done={text.copied} />
    </Note>
  )
}

type UserRowParts = { readonly user: ModeratedUser; readonly visit: UserVisit }

function UserRow({ user, visit }: UserRowParts) {
  const { language } = visit
  const text = MODERATION_MESSAGES[language]
  const { username, role, suspension } = user
  return (
    <li>
      <Avatar name={username} />
      <div>
        <p>
          <a href={`${ADMIN_ROOT}/@${username}`}>{username}</a>{' '}
          {role === 'user' ? null : <span class="badge">{text.roles[role]}</span>}{' '}
          {suspension === null ? null : <span class="badge badge-reconnecting">{text.suspended}</span>}
        </p>
        <p class="muted small">
          {text.since} <Moment at={user.created_at} language={language} format="day" />
        </p>
        {suspension === null ? null : <p class="quote">{suspension.reason}</p>}
      </div>
      <UserActions user={user} visit={visit} />
    </li>
  )
}

function UserActions({ user, visit }: UserRowParts) {
  const text = MODERATION_MESSAGES[visit.language]
  const { user_id: id, username, role, suspension } = user
  const { user: own } = visit.signedIn
  const mayModerate = own.userId !== id && !includesRole(role, own.role)
  return (
    <div class="actions">
      {own.role === 'admin' ? <RoleForm user={user} visit={visit} /> : null}
      {mayModerate && suspension === null ? (
        <ReasonForm
          id={`reason-${id}`}
          title={text.suspend}
          lead={text.suspendText}
          label={text.reasonTold}
          fields={{ form: 'suspend', id }}
        />
      ) : null}
      {mayModerate && suspension !== null ? (
        <RowForm button={text.restore} label={text.restoreOf(username)} fields={{ form: 'restore', id }} />
      ) : null}
    </div>
  )
}

function RoleForm({ user: { user_id: id, username, role }, visit }: UserRowParts) {
  const text = MODERATION_MESSAGES[visit.language]
  return (
    <form class="role-form" method="post">
      <input type="hidden" name="form" value="role" />
      <input type="hidden" name="id" value={id} />
      <div class="field">
        <select name="role" aria-label={text.roleOf(username)}>
          {ROLES.map((one) => (
            <option value={one} selected={one === role}>
              {text.roles[one]}
            </option>
          ))}
        </select>
      </div>
      <button class="button button-small" type="submit">
        {text.setRole}
      </button>
    </form>
  )
}
