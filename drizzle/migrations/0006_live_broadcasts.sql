CREATE TABLE "archives" (
	"archive_id" uuid PRIMARY KEY NOT NULL,
	"stream_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"title" text NOT NULL,
	"visibility" text NOT NULL,
	"status" text NOT NULL,
	"duration" double precision,
	"file_size" bigint,
	"frames" integer,
	"download_url" text,
	"error" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "encoder_runs" (
	"stream_id" uuid NOT NULL,
	"epoch" integer NOT NULL,
	"run" integer NOT NULL,
	"discontinuity" integer NOT NULL,
	"session" uuid NOT NULL,
	"rungs" json NOT NULL,
	CONSTRAINT "encoder_runs_stream_id_epoch_run_pk" PRIMARY KEY("stream_id","epoch","run")
);
--> statement-breakpoint
CREATE TABLE "ingest_servers" (
	"ingest_id" text PRIMARY KEY NOT NULL,
	"rtmp_port" integer NOT NULL,
	"rtmps_port" integer,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "stream_segments" (
	"stream_id" uuid NOT NULL,
	"seq" integer NOT NULL,
	"epoch" integer NOT NULL,
	"run" integer NOT NULL,
	"n" integer NOT NULL,
	"duration_sec" double precision NOT NULL,
	"program_date_time" timestamp with time zone NOT NULL,
	"frames" integer NOT NULL,
	"bytes" integer[] NOT NULL,
	CONSTRAINT "stream_segments_stream_id_seq_pk" PRIMARY KEY("stream_id","seq")
);
--> statement-breakpoint
CREATE TABLE "streams" (
	"stream_id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"title" text NOT NULL,
	"description" text NOT NULL,
	"category" text NOT NULL,
	"tags" text[] NOT NULL,
	"visibility" text NOT NULL,
	"latency" text NOT NULL,
	"is_recorded" boolean NOT NULL,
	"dvr_sec" integer NOT NULL,
	"state" text NOT NULL,
	"key_hash" text NOT NULL,
	"folder" text NOT NULL,
	"scheduled_for" timestamp with time zone,
	"started_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	"end_reason" text,
	"closed_at" timestamp with time zone,
	"reconnecting_since" timestamp with time zone,
	"viewer_count" integer DEFAULT 0 NOT NULL,
	"peak_viewers" integer DEFAULT 0 NOT NULL,
	"publisher_session" uuid,
	"last_session" uuid,
	"publisher_ingest" text,
	"publisher_source" json,
	"publisher_seen_at" timestamp with time zone,
	"publisher_facts" json,
	"known_session" uuid,
	"known_until_ms" bigint,
	"next_seq" integer DEFAULT 0 NOT NULL,
	"discontinuity" integer DEFAULT -1 NOT NULL,
	"parts_url" text,
	"parts_epoch" integer,
	"health" json,
	"poster" integer,
	"monitor_id" text,
	"watch_tried_at" timestamp with time zone,
	"alerts" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "viewers" (
	"stream_id" uuid NOT NULL,
	"viewer_id" text NOT NULL,
	"lease_until" timestamp with time zone NOT NULL,
	CONSTRAINT "viewers_stream_id_viewer_id_pk" PRIMARY KEY("stream_id","viewer_id")
);
--> statement-breakpoint
ALTER TABLE "archives" ADD CONSTRAINT "archives_stream_id_streams_stream_id_fk" FOREIGN KEY ("stream_id") REFERENCES "public"."streams"("stream_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "archives" ADD CONSTRAINT "archives_user_id_users_user_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "encoder_runs" ADD CONSTRAINT "encoder_runs_stream_id_streams_stream_id_fk" FOREIGN KEY ("stream_id") REFERENCES "public"."streams"("stream_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "stream_segments" ADD CONSTRAINT "stream_segments_stream_id_streams_stream_id_fk" FOREIGN KEY ("stream_id") REFERENCES "public"."streams"("stream_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "streams" ADD CONSTRAINT "streams_user_id_users_user_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "viewers" ADD CONSTRAINT "viewers_stream_id_streams_stream_id_fk" FOREIGN KEY ("stream_id") REFERENCES "public"."streams"("stream_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "archives_stream_key" ON "archives" USING btree ("stream_id");--> statement-breakpoint
CREATE INDEX "archives_by_user" ON "archives" USING btree ("user_id","archive_id");--> statement-breakpoint
CREATE INDEX "archives_processing" ON "archives" USING btree ("archive_id") WHERE status = 'processing';--> statement-breakpoint
CREATE UNIQUE INDEX "streams_key_hash_key" ON "streams" USING btree ("key_hash");--> statement-breakpoint
CREATE INDEX "streams_by_user" ON "streams" USING btree ("user_id","stream_id");--> statement-breakpoint
CREATE INDEX "streams_by_state" ON "streams" USING btree ("state","stream_id");--> statement-breakpoint
CREATE INDEX "streams_open" ON "streams" USING btree ("publisher_ingest") WHERE closed_at is null and started_at is not null;--> statement-breakpoint
CREATE INDEX "viewers_by_lease" ON "viewers" USING btree ("lease_until");