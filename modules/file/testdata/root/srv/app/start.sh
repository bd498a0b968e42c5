#!/bin/sh
exec /srv/app/run --debug
