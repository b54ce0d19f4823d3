"""Tests that enumerate schedules."""
