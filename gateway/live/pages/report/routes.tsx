/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Hono } from 'hono'
import * as v from 'valibot'

import { BrokenRule, KERNEL_ERRORS } from '../../../errors.ts'
import { Note, TextArea } from '../../../web/components/forms.tsx'
import { fileReport, findReported } from '../../moderation/file-report.ts'
import { FileReportBody } from '../../moderation/requests.ts'
import type { ReportSubject } from '../../store/reports.ts'
import { DoorPage } from '../door.tsx'
import { readForm } from '../form-body.ts'
import { showPage } from '../frame.tsx'
import { MODERATION_MESSAGES } from '../messages/moderation.ts'
import { openSignedIn, type PagesContext, type UserVisit } from '../visit.ts'

const ROOT = '../..'
const MAX_REASON = 500

/** What is reported, by the path of the page. */
const SubjectOfPath = v.pick(FileReportBody, ['kind', 'id'])
type SubjectOfPath = v.InferOutput<typeof SubjectOfPath>

/** What was written, and whether it is no reason. */
type ReportForm = { readonly reason: string; readonly isWrong: boolean }

/** Returns the page on which a viewer reports a channel, a broadcast or a recording. */
export function reportPageRoutes(context: PagesContext): Hono {
  return new Hono()
    .get(
      '/report/:kind/:id',
      openSignedIn(context, (visit) => showForm(visit, { reason: '', isWrong: false })),
    )
    .post('/report/:kind/:id', async (c) => {
      const form = await readForm(context, c)
      return openSignedIn(context, (visit) => send(visit, form['reason'] ?? ''))(c)
    })
}

async function send(visit: UserVisit, reason: string): Promise<Response> {
  const parsed = v.safeParse(FileReportBody, { ...subjectOf(visit), reason: reason.replaceAll(/\s+/g, ' ') })
  if (!parsed.success) return showForm(visit, { reason, isWrong: true })
  await fileReport(visit.context, visit.signedIn, parsed.output)
  const text = MODERATION_MESSAGES[visit.language]
  const { kind, id } = parsed.output
  const main = (
    <DoorPage title={text.sentTitle} lead={text.sentText}>
      <div class="actions">
        <a class="button button-primary" href={`${ROOT}/${await pathOf(visit, { kind, id })}`}>
          {text.back}
        </a>
      </div>
    </DoorPage>
  )
  return showPage(visit, { title: text.sentTitle, root: ROOT, main })
}

async function showForm(visit: UserVisit, { reason, isWrong }: ReportForm): Promise<Response> {
  const text = MODERATION_MESSAGES[visit.language]
  const subject = await findReported(visit.context, visit.signedIn, subjectOf(visit))
  const main = (
    <DoorPage title={text.reportTitle} lead={text.reportLead}>
      <Note kind="planned" title={text.subject[subject.kind]}>
        {subject.text}
      </Note>
      <form class="form" method="post">
        <TextArea
          name="reason"
          label={text.reasonLabel}
          value={reason}
          maxLength={MAX_REASON}
          problem={isWrong ? text.reasonWrong : undefined}
        />
        <div class="actions">
          <button class="button button-primary" type="submit">
            {text.send}
          </button>
          <a class="button" href={`${ROOT}/${await pathOf(visit, subjectOf(visit))}`}>
            {text.back}
          </a>
        </div>
      </form>
    </DoorPage>
  )
  return showPage(visit, { title: text.reportTitle, root: ROOT, main, status: isWrong ? 400 : 200 })
}

/** Returns what the path names. @throws BrokenRule NOT_FOUND */
function subjectOf({ c }: UserVisit): SubjectOfPath {
  const { success, output } = v.safeParse(SubjectOfPath, { kind: c.req.param('kind'), id: c.req.param('id') })
  if (success) return output
  throw new BrokenRule(KERNEL_ERRORS.NOT_FOUND, 'there is no such page')
}

/** Returns the path of the page that shows a subject. */
async function pathOf({ context, signedIn }: UserVisit, subject: SubjectOfPath): Promise<string> {
  const found: ReportSubject = await findReported(context, signedIn, subject)
  if (found.kind === 'user') return `@${found.text}`
  return `${found.kind === 'stream' ? 'watch' : 'archives'}/${found.subjectId}`
}
