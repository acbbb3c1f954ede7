"""Vendor façades: one folder per vendor API we speak; HTTP in, vendor JSON out."""
