/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Child } from 'hono/jsx'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

import { Note } from '../../../web/components/forms.tsx'
import { Icon } from '../../../web/components/icons.tsx'
import type { Language } from '../../../web/messages.ts'
import { readTargets } from '../../broadcasts/change-targets.ts'
import type { StreamView, ViewerCurve } from '../../broadcasts/present.ts'
import { readViewerCurve } from '../../broadcasts/read-viewer-curve.ts'
import type { IngestAddresses } from '../../ingest/read-ingest-addresses.ts'
import { getRoom } from '../../chat/moderation/update-room.ts'
import { isOnAir } from '../../rules/broadcast-state.ts'
import type { TargetList } from '../../targets/present.ts'
import type { FieldProblems, FormTexts } from '../form-body.ts'
import { ChatPanel } from '../chat/chat-panel.tsx'
import { showPage, type ShownOnce } from '../frame.tsx'
import { BROADCAST_LIST_MESSAGES } from '../messages/broadcast-lists.ts'
import { STUDIO_PAGE_MESSAGES } from '../messages/studio-page.ts'
import { Screen } from '../screen.tsx'
import { StateBadge, VisibilityMark } from '../stream-card.tsx'
import type { UserVisit } from '../visit.ts'
import { OnAirClock } from '../watch/routes.tsx'
import { Confirm } from '../confirm.tsx'
import { ConnectPanel } from './connect-panel.tsx'
import { DetailsFields } from './details-form.tsx'
import { GoLivePanel } from './go-live-panel.tsx'
import { HealthPanel } from './health-panel.tsx'
import { STUDIO_SCRIPT } from './new-page.tsx'
import { RoomPart } from './room-part.tsx'
import { TargetsPanel, type TargetForm } from './targets-panel.tsx'
import { ViewersPanel } from './viewers-panel.tsx'
import { stageOf, toStreamForm, type StreamField } from './stream-form.ts'

const ROOT = '..'
const NO_TARGET: TargetForm = { url: '', problems: {} }
/** The part of the page that is read again by itself, and how often, in seconds. */
export const CURVE_PART = 'viewers'
const CURVE_REFRESH_SEC = 2

/** What the studio of one broadcast shows. */
export type ControlRoomParts = {
  readonly stream: StreamView
  readonly ingest: IngestAddresses
  /** The stream key, where it has just been made. */
  readonly key: string | null
  /** What its form was filled in with, where something is wrong with it. */
  readonly values?: FormTexts
  readonly problems: FieldProblems<StreamField>
  /** The form of a new target, where something is wrong with it. */
  readonly targetForm?: TargetForm
  readonly status?: ContentfulStatusCode
}

/** Shows the studio of one broadcast: preview, health, viewers, connection help, other platforms, details. */
export async function showControlRoom(visit: UserVisit, parts: ControlRoomParts): Promise<Response> {
  const { stream, key, status = 200 } = parts
  const { language, context, signedIn } = visit
  const [{ viewers }, { targets }, room] = await Promise.all([
    readViewerCurve(context, signedIn, stream.stream_id),
    readTargets(context, signedIn, stream.stream_id),
    getRoom(context, signedIn, stream.stream_id),
  ])
  const chat = { streamId: stream.stream_id, room, viewer: signedIn, root: ROOT, language }
  const main = (
    <div class="wrap stack" data-studio={stream.stream_id}>
      <RoomHead visit={visit} stream={stream} />
      <RoomNotes visit={visit} stream={stream} />
      <div class="room">
        <RoomPicture stream={stream} language={language} minutes={viewers} />
        <div class="stack">
          {stream.state === 'ended' ? null : <ChatPanel {...chat} />}
          <ConnectPanels visit={visit} parts={parts} targets={targets} />
          <RoomPart name="details">
            <DetailsPanel visit={visit} parts={parts} />
          </RoomPart>
          <DeletePanel visit={visit} stream={stream} />
        </div>
      </div>
    </div>
  )
  return showPage(visit, {
    title: stream.title,
    root: ROOT,
    main,
    status,
    section: 'studio',
    scripts: [STUDIO_SCRIPT],
    hasPlayer: true,
    hasCapture: true,
    shownOnce: key === null ? undefined : shownKeyOf(stream, key),
  })
}

/** Returns the form that shows a stream key again. */
function shownKeyOf({ stream_id: id }: StreamView, key: string): ShownOnce {
  return { action: `${ROOT}/studio/${id}`, fields: { form: 'shown-key', key } }
}

type RoomPictureParts = {
  readonly stream: StreamView
  readonly language: Language
  readonly minutes: ViewerCurve['viewers']
}

/** Shows what the broadcast looks like and how it is doing: preview, viewers over time, health. */
function RoomPicture({ stream, language, minutes }: RoomPictureParts) {
  const hasEnded = stream.state === 'ended'
  return (
    <div class="stack">
      <Screen
        stream={stream}
        playbackUrl={stream.playback_url}
        posterUrl={stream.poster_url}
        seed={stream.stream_id}
        root={ROOT}
        language={language}
        isPreview
      />
      <div
        class="stack"
        data-refresh={hasEnded ? undefined : `${stream.stream_id}?part=${CURVE_PART}`}
        data-every={CURVE_REFRESH_SEC}
      >
        <ViewersPanel language={language} minutes={minutes} isFinal={hasEnded} />
      </div>
      <RoomPart name="health" isEmpty={hasEnded}>
        <HealthPanel language={language} />
      </RoomPart>
    </div>
  )
}

type ConnectPanelsParts = {
  readonly visit: UserVisit
  readonly parts: ControlRoomParts
  readonly targets: TargetList['targets']
}

/** Shows what a broadcast comes from and goes to: encoders, the browser, other platforms. */
function ConnectPanels({ visit: { language, context }, parts, targets }: ConnectPanelsParts) {
  const { stream, ingest, key, targetForm = NO_TARGET } = parts
  const { stream_id: streamId } = stream
  const hasEnded = stream.state === 'ended'
  const { reconnectWindowMs } = context.settings.live
  return (
    <>
      <RoomPart name="connect" isEmpty={hasEnded}>
        <ConnectPanel language={language} ingest={ingest} streamKey={key} streamId={streamId} />
      </RoomPart>
      <RoomPart name="go-live" isEmpty={hasEnded || ingest.whip_url === undefined}>
        <GoLivePanel language={language} streamId={streamId} reconnectWindowMs={reconnectWindowMs} />
      </RoomPart>
      <RoomPart name="targets" isEmpty={hasEnded}>
        <TargetsPanel language={language} streamId={streamId} targets={targets} form={targetForm} />
      </RoomPart>
    </>
  )
}

/** Shows only the viewers of a broadcast over time, as it is in its studio. */
export async function showCurve(
  { c, context, signedIn, language }: UserVisit,
  { stream_id: id, state }: StreamView,
): Promise<Response> {
  const { viewers } = await readViewerCurve(context, signedIn, id)
  c.header('Cache-Control', 'no-store')
  return c.html(<ViewersPanel language={language} minutes={viewers} isFinal={state === 'ended'} />)
}

type RoomParts = { readonly visit: UserVisit; readonly stream: StreamView }

function RoomHead({ visit, stream }: RoomParts) {
  const text = STUDIO_PAGE_MESSAGES[visit.language]
  return (
    <header class="page-head">
      <div class="watch-title">
        <h1 data-title>{stream.title}</h1>
        <p class="watch-marks">
          <StateBadge state={stream.state} language={visit.language} />
          <OnAirClock stream={stream} visit={visit} />
          <span class="mark" data-viewer-figures hidden={!isOnAir(stream.state)}>
            <Icon name="viewers" />
            <span>
              <b data-viewer-count>{BROADCAST_LIST_MESSAGES[visit.language].viewers(stream.viewer_count)}</b> ·{' '}
              {text.peak} <b data-peak-viewers>{stream.peak_viewers}</b>
            </span>
          </span>
          <span data-room-part="visibility" hidden={stream.visibility === 'public'}>
            <VisibilityMark visibility={stream.visibility} language={visit.language} />
          </span>
        </p>
      </div>
      <RoomPart name="actions" class="actions">
        <a class="button" href={`${ROOT}/watch/${stream.stream_id}`}>
          <Icon name="play" />
          {text.watchPage}
        </a>
        {stream.state === 'ended' ? null : (
          <Confirm
            title={text.endTitle}
            text={text.endText}
            button={text.endButton}
            form="end"
            action={stream.stream_id}
          />
        )}
      </RoomPart>
    </header>
  )
}

/** Shows what the owner has to know before all else. */
function RoomNotes({ visit, stream }: RoomParts) {
  const text = STUDIO_PAGE_MESSAGES[visit.language]
  const hasEnded = stream.state === 'ended'
  const isOutOfRoom = stream.is_out_of_room && !hasEnded
  return (
    <>
      <RoomPart name="notes" class="stack" isEmpty={!hasEnded && !isOutOfRoom}>
        {hasEnded ? <EndedNote visit={visit} stream={stream} /> : null}
        {isOutOfRoom ? (
          <Note kind="warning" title={text.outOfRoomTitle}>
            {text.outOfRoomText}
          </Note>
        ) : null}
      </RoomPart>
      <p class="note note-warning" role="status" data-stale hidden>
        <Icon name="alert" />
        <strong>{text.staleNote}</strong>
      </p>
    </>
  )
}

function EndedNote({ visit: { language }, stream }: RoomParts) {
  const text = STUDIO_PAGE_MESSAGES[language]
  return (
    <Note kind="planned" title={text.endedNote}>
      {stream.end_reason === null ? null : text.endedBecause(stream.end_reason)}
    </Note>
  )
}

type DetailsPanelParts = { readonly visit: UserVisit; readonly parts: ControlRoomParts }

function DetailsPanel({ visit, parts: { stream, values, problems } }: DetailsPanelParts) {
  const text = STUDIO_PAGE_MESSAGES[visit.language]
  return (
    <Panel id="details" title={text.details}>
      {visit.c.req.query('saved') === undefined ? null : <Note kind="fine" title={text.saved} />}
      <form class="form" method="post" action={stream.stream_id} novalidate>
        <input type="hidden" name="form" value="details" />
        <DetailsFields
          language={visit.language}
          values={values ?? toStreamForm(stream)}
          problems={problems}
          stage={stageOf(stream)}
        />
        <div class="actions">
          <button class="button button-primary" type="submit">
            {text.save}
          </button>
        </div>
      </form>
    </Panel>
  )
}

function DeletePanel({ visit, stream }: RoomParts) {
  const text = STUDIO_PAGE_MESSAGES[visit.language]
  return (
    <Panel id="delete" title={text.deleteTitle}>
      <div class="actions">
        <Confirm
          title={text.deleteTitle}
          text={text.deleteText}
          button={text.deleteButton}
          form="delete"
          action={stream.stream_id}
        />
      </div>
    </Panel>
  )
}

type PanelParts = { readonly id: string; readonly title: string; readonly children?: Child }

/** Renders a part of the studio with its heading. */
function Panel({ id, title, children }: PanelParts) {
  return (
    <section class="panel" id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {children}
    </section>
  )
}
