CREATE TABLE "storage_tasks" (
	"task_id" uuid PRIMARY KEY NOT NULL,
	"folder" text NOT NULL,
	"names" text[],
	"storage_class" text,
	"due_at" timestamp with time zone NOT NULL,
	"tries" integer DEFAULT 0 NOT NULL,
	"problem" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "stream_titles" (
	"stream_id" uuid NOT NULL,
	"since" timestamp with time zone DEFAULT now() NOT NULL,
	"title" text NOT NULL,
	CONSTRAINT "stream_titles_stream_id_since_pk" PRIMARY KEY("stream_id","since")
);
--> statement-breakpoint
CREATE TABLE "viewer_minutes" (
	"stream_id" uuid NOT NULL,
	"minute" timestamp with time zone NOT NULL,
	"viewers" integer NOT NULL,
	CONSTRAINT "viewer_minutes_stream_id_minute_pk" PRIMARY KEY("stream_id","minute")
);
--> statement-breakpoint
ALTER TABLE "archives" ADD COLUMN "cooled_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "stream_segments" ADD COLUMN "is_missing" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "streams" ADD COLUMN "is_out_of_room" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "streams" ADD COLUMN "stored_bytes" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "streams" ADD COLUMN "discarded_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "stream_titles" ADD CONSTRAINT "stream_titles_stream_id_streams_stream_id_fk" FOREIGN KEY ("stream_id") REFERENCES "public"."streams"("stream_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "viewer_minutes" ADD CONSTRAINT "viewer_minutes_stream_id_streams_stream_id_fk" FOREIGN KEY ("stream_id") REFERENCES "public"."streams"("stream_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "storage_tasks_due" ON "storage_tasks" USING btree ("due_at");--> statement-breakpoint
CREATE INDEX "storage_tasks_by_folder" ON "storage_tasks" USING btree ("folder");--> statement-breakpoint
CREATE INDEX "archives_by_age" ON "archives" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "streams_kept" ON "streams" USING btree ("closed_at") WHERE discarded_at is null and started_at is not null;