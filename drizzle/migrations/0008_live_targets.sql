CREATE TABLE "stream_targets" (
	"target_id" uuid PRIMARY KEY NOT NULL,
	"stream_id" uuid NOT NULL,
	"url" text NOT NULL,
	"sealed_key" text,
	"state" text DEFAULT 'waiting' NOT NULL,
	"state_since" timestamp with time zone DEFAULT now() NOT NULL,
	"problem" text,
	"reason" text,
	"bytes_sent" bigint DEFAULT 0 NOT NULL,
	"bit_rate_kbps" double precision DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "stream_targets" ADD CONSTRAINT "stream_targets_stream_id_streams_stream_id_fk" FOREIGN KEY ("stream_id") REFERENCES "public"."streams"("stream_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "stream_targets_by_stream" ON "stream_targets" USING btree ("stream_id","target_id");