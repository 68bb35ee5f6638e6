/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Icon } from '../../../web/components/icons.tsx'
import type { FileReportBody } from '../../moderation/requests.ts'
import { MODERATION_MESSAGES } from '../messages/moderation.ts'
import type { Visit } from '../visit.ts'

type ReportLinkParts = {
  readonly visit: Visit
  readonly subject: Pick<FileReportBody, 'kind' | 'id'>
  /** Who is responsible for it. */
  readonly ownerId: string
  /** Leads from the page's URL to the root of the site. */
  readonly root: string
}

/** Renders the link by which a viewer reports what a page shows; one's own has none. */
export function ReportLink({ visit: { signedIn, language }, subject, ownerId, root }: ReportLinkParts) {
  if (signedIn?.user.userId === ownerId) return null
  return (
    <a class="button" href={`${root}/report/${subject.kind}/${subject.id}`} rel="nofollow">
      <Icon name="flag" />
      {MODERATION_MESSAGES[language].report}
    </a>
  )
}
