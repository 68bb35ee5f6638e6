/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { CopyText, Note } from '../../../web/components/forms.tsx'
import type { Language } from '../../../web/messages.ts'
import type { IngestAddresses } from '../../ingest/read-ingest-addresses.ts'
import { STUDIO_PAGE_MESSAGES } from '../messages/studio-page.ts'
import { Confirm } from '../confirm.tsx'

type ConnectParts = {
  readonly language: Language
  readonly ingest: IngestAddresses
  readonly streamKey: string | null
  readonly streamId: string
}

/** Renders how an encoder is connected: address, key, and steps for OBS and ffmpeg. */
export function ConnectPanel({ language, ingest, streamKey, streamId }: ConnectParts) {
  const text = STUDIO_PAGE_MESSAGES[language]
  const copied = { label: text.copy, done: text.copied }
  return (
    <section class="panel" aria-labelledby="connect-title">
      <h2 id="connect-title">{streamKey === null ? text.keyHiddenTitle : text.keyTitle}</h2>
      {streamKey === null ? null : <Note kind="warning" title={text.keyOnce} />}
      <div class="field">
        <h3>{text.server}</h3>
        <CopyText text={ingest.rtmp_url} {...copied} />
      </div>
      {ingest.rtmps_url === undefined ? null : (
        <div class="field">
          <h3>{text.serverSecure}</h3>
          <CopyText text={ingest.rtmps_url} {...copied} />
        </div>
      )}
      {streamKey === null ? (
        <p class="muted">{text.keyHidden}</p>
      ) : (
        <div class="field">
          <h3>{text.key}</h3>
          <CopyText text={streamKey} {...copied} />
        </div>
      )}
      <details class="help" open={streamKey !== null}>
        <summary>{text.obs}</summary>
        <ol>
          {text.obsSteps.map((step) => (
            <li>{step}</li>
          ))}
        </ol>
      </details>
      {ingest.whip_url === undefined ? null : (
        <details class="help">
          <summary>{text.obsWhip}</summary>
          <p class="muted">{text.obsWhipText}</p>
          <CopyText text={ingest.whip_url} {...copied} />
        </details>
      )}
      {ingest.srt_url === undefined ? null : (
        <details class="help">
          <summary>{text.srt}</summary>
          <p class="muted">{text.srtText}</p>
          <CopyText text={ingest.srt_url} {...copied} />
        </details>
      )}
      <details class="help">
        <summary>{text.ffmpeg}</summary>
        <p class="muted">{text.ffmpegText}</p>
        <CopyText text={ffmpegCommand(`${ingest.rtmp_url}/${streamKey ?? text.keyInUse}`)} {...copied} isBlock />
      </details>
      <div class="actions">
        <Confirm title={text.newKey} text={text.renewText} button={text.renewButton} form="key" action={streamId} />
      </div>
    </section>
  )
}

/** Returns a command that publishes a test picture with a tone. */
function ffmpegCommand(target: string): string {
  return [
    String.raw`ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=30 \ `,
    String.raw`  -f lavfi -i sine=frequency=440:sample_rate=48000 \ `,
    String.raw`  -c:v libx264 -preset veryfast -pix_fmt yuv420p -g 60 \ `,
    String.raw`  -b:v 2500k -maxrate 2500k -bufsize 5000k \ `,
    String.raw`  -c:a aac -b:a 128k -f flv \ `,
    `  ${target}`,
  ]
    .map((line) => line.trimEnd())
    .join('\n')
}
