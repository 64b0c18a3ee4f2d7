"""The page where rejects are looked at one by one."""

from app.pages.review.page import ReviewPage as ReviewPage
